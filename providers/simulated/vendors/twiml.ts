/**
 * Reads TwiML: which verbs a voice response has, in order, with their attributes and texts. What isn't well-formed or has
 * another root is refused, as Twilio does with error 12100.
 * https://www.twilio.com/docs/voice/twiml, checked September 2026.
 */
import { SaxesParser } from "saxes";

export type Verb = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text directly inside, trimmed. */
  readonly text: string;
  readonly verbs: readonly Verb[];
};

type OpenVerb = { name: string; attributes: Record<string, string>; text: string; verbs: Verb[] };

/** Undefined when it is no valid document. */
export function readTwiml(document: string): readonly Verb[] | undefined {
  const parser = new SaxesParser();
  const open: OpenVerb[] = [];
  const read: { root: Verb | null; isBroken: boolean } = { root: null, isBroken: false };
  parser.on("error", () => {
    read.isBroken = true;
  });
  parser.on("opentag", ({ name, attributes }) => {
    open.push({ name, attributes: { ...attributes }, text: "", verbs: [] });
  });
  const addText = (text: string): void => {
    const current = open.at(-1);
    if (current !== undefined) current.text += text;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const closed = open.pop();
    if (closed === undefined) return;
    const verb = { ...closed, text: closed.text.trim() };
    const parent = open.at(-1);
    if (parent === undefined) read.root = verb;
    else parent.verbs.push(verb);
    // Words inside markup such as <prosody> are spoken with the verb around them.
    if (parent !== undefined && parent.name === "Say") parent.text += ` ${verb.text}`;
  });
  parser.write(document.trim()).close();
  return read.isBroken || read.root?.name !== "Response" ? undefined : read.root.verbs;
}
