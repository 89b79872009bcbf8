/** A target as it enters the run: nothing told, nothing learned. */
import type { RunGroup, RunPerson } from "./run.ts";
import type { GroupTarget, PersonTarget } from "./run-state.ts";

export function newPerson(person: RunPerson): PersonTarget {
  return { ...untold(), kind: "person", key: person.key, person, isMember: true, roleUp: null };
}

export function newGroup(group: RunGroup): GroupTarget {
  return { ...untold(), kind: "group", key: group.key, group, isSkipped: false };
}

function untold() {
  return {
    out: null,
    answered: false,
    lines: [],
    turns: [],
    late: null,
    banned: [],
    toldBefore: [],
    isExtended: false,
  };
}
