"""What is plugged into what."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from services.exporter.adapters.gridfs_files import GridFsFiles
from services.exporter.adapters.mongo_entry_reader import MongoEntryReader
from services.exporter.adapters.mongo_export_store import MongoExportStore
from services.exporter.adapters.spool import open_spool
from services.exporter.core.report import Report
from services.exporter.entrypoints.commands import on_command
from services.exporter.entrypoints.runner import export_loop
from services.exporter.entrypoints.timers import EXPIRE_EVERY_SECONDS, SWEEP_EVERY_SECONDS, every
from services.exporter.handlers.exporting import DISK_FULL, Tools, export_next
from services.exporter.handlers.housekeeping import expire, sweep
from services.exporter.handlers.ports import Workbook
from services.exporter.settings import Settings
from shared.contracts.errors import Defect
from shared.contracts.names import EXPORTS, EXPORTS_TOPIC
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
    jobs = CountedJobs(client[settings.mongo_database], EXPORTS, service="exporter")
    tools = tools_of(settings, client[settings.mongo_database], jobs, clock=clock)
    bell = Bell()
    keep = timedelta(hours=settings.exporter_keep_hours)
    old = partial(expire, tools.store, tools.files, keep=keep, clock=clock)
    orphans = partial(sweep, tools.store, tools.files)

    async def ping() -> None:
        with translated():
            await client.admin.command("ping")

    worker.take_commands(EXPORTS_TOPIC, on_command(tools.store, bell.wake), KafkaDeadLetters(publisher))
    for number in range(settings.exporter_jobs_at_once):
        idle_seconds = settings.exporter_idle_poll_seconds
        loop = export_loop(name_worker(), partial(export_next, tools), bell, idle_seconds=idle_seconds)
        worker.add_main(f"runner {number}", loop.run)  # no stop: cancelled, it gives its job back at once
    worker.add_main("expiry", partial(every, EXPIRE_EVERY_SECONDS, "files.expired", old))
    worker.add_main("sweep", partial(every, SWEEP_EVERY_SECONDS, "orphans.swept", orphans))
    worker.add_main("job watch", JobWatch(jobs, clock).run)
    worker.add_check("kafka", publisher.check)
    worker.add_check("mongo", ping)
    worker.on_close(client.close)
    worker.on_close(publisher.close)
    return worker


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
