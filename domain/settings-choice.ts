import type { SettingsPatch } from "./effective-settings.ts";

/**
 * What a person has chosen after one more change. Only what was ever named is kept: a default that was merely left on
 * must stay distinguishable from a choice (e-mail is opted into by choosing it), and a later release may change defaults.
 */
export function mergeChoice(chosen: SettingsPatch, patch: SettingsPatch): SettingsPatch {
  const { channels, classes, types, quietHours } = patch;
  const merged: SettingsPatch = { ...chosen, ...patch };
  return {
    ...merged,
    ...(channels && { channels: { ...chosen.channels, ...channels } }),
    ...(classes && { classes: { ...chosen.classes, ...classes } }),
    ...(types && { types: withoutRemoved({ ...chosen.types, ...types }) }),
    ...(quietHours && { quietHours: { ...chosen.quietHours, ...quietHours } }),
  };
}

/** `null` takes a type's own switch away: the type follows its class again. */
function withoutRemoved(
  types: Readonly<Record<string, boolean | null>>,
): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    Object.entries(types).filter((entry): entry is [string, boolean] => entry[1] !== null),
  );
}
