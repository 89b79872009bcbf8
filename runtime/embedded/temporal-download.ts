/** Says one line to whoever waits. */
export type Progress = (line: string) => void;

/** Puts a `temporal` program somewhere under the folder and returns its path; throws with a reason otherwise. */
export type Download = (folder: string, progress: Progress) => Promise<string>;
