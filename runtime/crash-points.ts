import { writeFileSync } from "node:fs";

/** Where a process can be made to die, each between two writes that belong together. */
export const CRASH_POINTS = [
  "after_accept_before_start",
  "after_intent_before_send",
  "after_sending_before_vendor",
  "after_vendor_accepted",
  "after_record",
  "after_act_before_signal",
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

export interface CrashSetting {
  readonly point: CrashPoint;
  /** Made at the crash; while it exists there is no other. */
  readonly file: string;
}

/** Kills this process, as `kill -9` would, the first time it comes to the point that is set. Null: never. */
export function createCrashPoint(setting: CrashSetting | null): (name: CrashPoint) => void {
  if (setting === null) return () => undefined;
  return (name) => {
    if (name !== setting.point || !claim(setting)) return;
    process.kill(process.pid, "SIGKILL");
  };
}

/** False when somebody was here before. The file comes to be and is filled in one call: two processes never both make it. */
function claim({ file, point }: CrashSetting): boolean {
  try {
    writeFileSync(file, `${point}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
