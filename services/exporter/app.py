"""What is plugged into what."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from services.exporter.adapters.gridfs_files import GridFsFiles
from services.exporter.adapters.mongo_entry_lookup import MongoEntryLookup
from services.exporter.adapters.mongo_entry_reader import MongoEntryReader
from services.exporter.adapters.mongo_export_store import MongoExportStore, MongoImportStore
from services.exporter.adapters.mongo_returned_files import MongoReturnedFiles
from services.exporter.adapters.returned_files import pick_rows
from services.exporter.adapters.spool import open_spool
from services.exporter.core.report import Report
from services.exporter.entrypoints.commands import Taker, on_command
from services.exporter.entrypoints.runner import export_loop, import_loop
from services.exporter.entrypoints.timers import EXPIRE_EVERY_SECONDS, SWEEP_EVERY_SECONDS, every
from services.exporter.handlers.exporting import Tools, export_next
from services.exporter.handlers.housekeeping import expire, expire_returned, sweep, sweep_returned
from services.exporter.handlers.importing import ImportTools, import_next
from services.exporter.handlers.job_run import DISK_FULL
from services.exporter.handlers.ports import Workbook
from services.exporter.settings import Settings
from shared.contracts.errors import Defect
from shared.contracts.names import EXPORTS, EXPORTS_TOPIC, IMPORTS
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.producer import Publisher
from shared.mongo.client import Database, connect
from shared.mongo.errors import translated
from shared.mongo.jobs import Jobs
from shared.runtime.clock import Clock, now
from shared.runtime.job_loop import Bell, name_worker
from shared.runtime.job_watch import CountedJobs, JobWatch
from shared.runtime.settings import read_settings
from shared.runtime.start import start
from shared.runtime.worker import Worker


def main() -> None:
    """Run the exporter until it is told to stop; exits the process."""
    start(lambda: build(read_settings(Settings)).run())


def build(settings: Settings, *, clock: Clock = now) -> Worker:
    """Return the exporter, plugged together; nothing is sent to a server before `run`. Raise Defect where no report can be made."""
    refuse_a_wrong_folder(settings.exporter_temp_folder)
    worker = Worker("exporter", settings)
    client = connect(settings.mongo_uri.get_secret_value(), service="exporter")
    publisher = Publisher(settings.kafka_bootstrap, service="exporter")
    database = client[settings.mongo_database]
    exports, imports = (CountedJobs(database, name, service="exporter") for name in (EXPORTS, IMPORTS))
    tools = tools_of(settings, database, exports, clock=clock)
    importing = import_tools_of(settings, database, imports, clock=clock)
    exports_bell, imports_bell = Bell(), Bell()
    idle_seconds = settings.exporter_idle_poll_seconds

    async def ping() -> None:
        with translated():
            await client.admin.command("ping")

    takers = Taker(tools.store, exports_bell.wake), Taker(importing.store, imports_bell.wake)
    worker.take_commands(EXPORTS_TOPIC, on_command(*takers), KafkaDeadLetters(publisher))
    for number in range(settings.exporter_jobs_at_once):
        loop = export_loop(name_worker(), partial(export_next, tools), exports_bell, idle_seconds=idle_seconds)
        worker.add_main(f"runner {number}", loop.run)  # no stop: cancelled, it gives its job back at once
    # Its own, so that who waits for a preview does not stand behind two large reports.
    loop = import_loop(name_worker(), partial(import_next, importing), imports_bell, idle_seconds=idle_seconds)
    worker.add_main("importer", loop.run)
    _keep_house(worker, tools, importing, keep=timedelta(hours=settings.exporter_keep_hours), clock=clock)
    worker.add_main("job watch", JobWatch(exports, imports, clock=clock).run)
    worker.add_check("kafka", publisher.check)
    worker.add_check("mongo", ping)
    worker.on_close(client.close)
    worker.on_close(publisher.close)
    return worker


def _keep_house(worker: Worker, tools: Tools, importing: ImportTools, *, keep: timedelta, clock: Clock) -> None:
    """Have old files deleted, and orphans."""
    expiries = (
        partial(expire, tools.store, tools.files, keep=keep, clock=clock),
        partial(expire_returned, importing.store, importing.files, keep=keep, clock=clock),
    )
    sweeps = (
        partial(sweep, tools.store, tools.files),
        partial(sweep_returned, importing.store, importing.files, clock=clock),
    )
    for what, expiry, swept in zip(("", "imports "), expiries, sweeps, strict=True):
        worker.add_main(f"{what}expiry", partial(every, EXPIRE_EVERY_SECONDS, "files.expired", expiry))
        worker.add_main(f"{what}sweep", partial(every, SWEEP_EVERY_SECONDS, "orphans.swept", swept))


def refuse_a_wrong_folder(folder: str | None) -> None:
    """Raise Defect where no file can be made in `folder`, the system's when None; a full disk may pass, and each job says so."""
    try:
        open_spool(folder).close()
    except OSError as error:
        if error.errno in DISK_FULL:
            return
        place = folder or "the system's temporary folder"
        msg = f"no file can be made in {place} ({error.strerror or error}): set PONTE_EXPORTER_TEMP_FOLDER to a folder that can be written"
        raise Defect(msg) from error


def tools_of(settings: Settings, database: Database, jobs: Jobs, *, clock: Clock) -> Tools:
    """Return what the story works with, on real servers."""
    return Tools(
        reader=MongoEntryReader(database, batch_rows=settings.exporter_batch_rows),
        store=MongoExportStore(
            database, jobs, lease_for=timedelta(seconds=settings.exporter_lease_seconds), clock=clock
        ),
        files=GridFsFiles(database, clock=clock),
        open_workbook=workbooks(settings.exporter_temp_folder),
        clock=clock,
    )


def import_tools_of(settings: Settings, database: Database, jobs: Jobs, *, clock: Clock) -> ImportTools:
    """Return what the story of imports works with, on real servers."""
    return ImportTools(
        entries=MongoEntryLookup(database),
        store=MongoImportStore(
            database, jobs, lease_for=timedelta(seconds=settings.exporter_lease_seconds), clock=clock
        ),
        files=MongoReturnedFiles(database, clock=clock),
        open_spool=partial(open_spool, settings.exporter_temp_folder),
        pick_rows=pick_rows,
    )


def workbooks(folder: str | None) -> Callable[[Report], Workbook]:
    """Return what opens a workbook of the report's format; the libraries are loaded with the first one."""

    def open_workbook(report: Report) -> Workbook:
        if report.format == "xlsx":
            from services.exporter.adapters.xlsx_workbook import (
                XlsxWorkbook,
            )  # 0.2 s and 20 MB, for the first report only

            return XlsxWorkbook(report, folder=folder)
        from services.exporter.adapters.text_files import CsvFile, JsonLinesFile

        return CsvFile(report, folder=folder) if report.format == "csv" else JsonLinesFile(report, folder=folder)

    return open_workbook
