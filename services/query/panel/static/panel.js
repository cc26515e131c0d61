// Everything here makes a working page quicker; nothing here is needed to read, filter, page or reprocess.
import { startAddress } from "./address.js";
import { startCopying } from "./copy.js";
import { startCounts } from "./counts.js";
import { startExpanding } from "./expand.js";
import { startExports } from "./exports.js";
import { startFolds } from "./folds.js";
import { startForms } from "./forms.js";
import { startHelp } from "./help.js";
import { startLive } from "./live.js";
import { startMenus } from "./menus.js";
import { startPolling } from "./polling.js";
import { startReprocessing } from "./reprocess.js";
import { startRevealed } from "./revealed.js";
import { startSending } from "./sending.js";
import { startChoosing } from "./choose.js";
import { startTimes } from "./times.js";
import { startTyped } from "./typed.js";

for (const start of [
  startSending,
  startAddress,
  startTimes,
  startMenus,
  startExpanding,
  startChoosing,
  startFolds,
  startForms,
  startTyped,
  startHelp,
  startCopying,
  startReprocessing,
  startRevealed,
  startExports,
  startPolling,
  startCounts,
  startLive,
]) {
  start();
}
