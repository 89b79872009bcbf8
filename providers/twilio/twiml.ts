/**
 * What a call says and how it listens. The first round is sent with the call; every key press, and every round without one,
 * asks our webhook for the next: 1 accepts, 2 refuses, anything else hears the text again, a bounded number of times.
 * https://www.twilio.com/docs/voice/twiml/gather, checked September 2026.
 */
import VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";

import type { MessageLanguage } from "../provider.ts";
import type { VoiceSettings } from "./config.ts";
import { callbackUrl, DELIVERY_PARAMETER } from "./rest.ts";
import { readAnsweredBy } from "./vocabulary.ts";

/** How often the text is said before the call says goodbye; three times is what a person woken up needs. */
const ROUNDS_MAX = 3;

/** Silence after the text before the round counts as unanswered. */
const KEY_TIMEOUT_SECONDS = 8;

const SAY_LANGUAGE = { id: "id-ID", en: "en-US" } as const;

const PHRASES = {
  id: {
    choose:
      "Tekan satu untuk menerima. Tekan dua untuk menolak. Tekan tombol lain untuk mengulang.",
    confirm: "Tekan sekali lagi untuk memastikan. Satu untuk menerima, dua untuk menolak.",
    accept: "Jawaban Anda: terima. Terima kasih.",
    refuse: "Jawaban Anda: tolak. Terima kasih.",
    goodbye: "Belum ada jawaban. Sampai jumpa.",
  },
  en: {
    choose: "Press one to accept. Press two to refuse. Press any other key to repeat.",
    confirm: "Press once more to make sure. One to accept, two to refuse.",
    accept: "Your answer: accepted. Thank you.",
    refuse: "Your answer: refused. Thank you.",
    goodbye: "There was no answer. Goodbye.",
  },
} as const;

export type Round = {
  readonly webhookUrl: string;
  readonly deliveryKey: string | null;
  readonly language: MessageLanguage;
  /** Counts from 0. */
  readonly round: number;
  /** The key pressed is asked for once more, because the call may have been answered by a machine. */
  readonly isConfirming: boolean;
};

/** Query parameters of our own, beside the delivery's id. */
const ROUND_PARAMETER = "round";
const CONFIRM_PARAMETER = "confirm";
const LANGUAGE_PARAMETER = "language";

function roundUrl(round: Round): string {
  return callbackUrl(round.webhookUrl, [
    [DELIVERY_PARAMETER, round.deliveryKey ?? ""],
    [ROUND_PARAMETER, String(round.round)],
    [LANGUAGE_PARAMETER, round.language],
    ...(round.isConfirming ? [[CONFIRM_PARAMETER, "1"] as const] : []),
  ]);
}

export type GatherRequest = Round & {
  readonly digits: string;
  readonly decision: "accept" | "refuse" | "confirm" | "repeat" | "end";
};

/** Reads the request that follows a round; null for any other request. */
export function readGather(
  url: string,
  form: { readonly digits: string | null; readonly answeredBy: string | null },
): GatherRequest | null {
  const address = new URL(url);
  const roundText = address.searchParams.get(ROUND_PARAMETER);
  if (roundText === null || !/^\d$/.test(roundText)) return null;
  const round = Number(roundText);
  const isConfirming = address.searchParams.get(CONFIRM_PARAMETER) === "1";
  const digits = form.digits ?? "";
  return {
    webhookUrl: `${address.origin}${address.pathname}`,
    deliveryKey: address.searchParams.get(DELIVERY_PARAMETER),
    language: address.searchParams.get(LANGUAGE_PARAMETER) === "en" ? "en" : "id",
    round,
    isConfirming,
    digits,
    decision: decide(digits, round, isConfirming, form.answeredBy),
  };
}

/** A recorded greeting may contain a key tone, but it does not answer a question: a doubtful first key is asked for again. */
function decide(
  digits: string,
  round: number,
  isConfirming: boolean,
  answeredBy: string | null,
): GatherRequest["decision"] {
  const answer = digits === "1" ? "accept" : digits === "2" ? "refuse" : null;
  if (answer === null) return round + 1 < ROUNDS_MAX ? "repeat" : "end";
  const who = readAnsweredBy(answeredBy);
  const isHuman = who === "human" || who === "not_told";
  return isHuman || isConfirming ? answer : "confirm";
}

/** What the call begins with. Without a webhook nobody could hear a key, so the text is only said, twice. */
export function openingTwiml(
  text: string,
  language: MessageLanguage,
  settings: VoiceSettings,
  gather: { readonly webhookUrl: string; readonly deliveryKey: string } | null,
): string {
  if (gather === null) {
    const response = new VoiceResponse();
    say(response, text, language, settings);
    say(response, text, language, settings);
    return response.toString();
  }
  return gatherTwiml(
    { ...gather, language, round: 0, isConfirming: false },
    [text, PHRASES[language].choose],
    settings,
  );
}

/** What follows a round. Without the text only the choice is said again. */
export function followingTwiml(
  gather: GatherRequest,
  speech: { readonly text: string; readonly reply: string | null } | null,
  settings: VoiceSettings,
): string {
  const phrases = PHRASES[gather.language];
  switch (gather.decision) {
    case "repeat": {
      const next = { ...gather, round: gather.round + 1, isConfirming: false };
      const said = speech === null ? [phrases.choose] : [speech.text, phrases.choose];
      return gatherTwiml(next, said, settings);
    }
    case "confirm":
      return gatherTwiml({ ...gather, isConfirming: true }, [phrases.confirm], settings);
    case "accept":
    case "refuse":
      return farewellTwiml(speech?.reply ?? phrases[gather.decision], gather.language, settings);
    case "end":
      return farewellTwiml(phrases.goodbye, gather.language, settings);
  }
}

/** The answer to every request that says nothing in a call. */
export function emptyTwiml(): string {
  return new VoiceResponse().toString();
}

function gatherTwiml(round: Round, said: readonly string[], settings: VoiceSettings): string {
  const response = new VoiceResponse();
  const gather = response.gather({
    input: ["dtmf"],
    numDigits: 1,
    timeout: KEY_TIMEOUT_SECONDS,
    // Silence must reach us too: it ends the round.
    actionOnEmptyResult: true,
    action: roundUrl(round),
    method: "POST",
  });
  for (const text of said) say(gather, text, round.language, settings);
  return response.toString();
}

function farewellTwiml(text: string, language: MessageLanguage, settings: VoiceSettings): string {
  const response = new VoiceResponse();
  say(response, text, language, settings);
  response.hangup();
  return response.toString();
}

type Speaker = Pick<VoiceResponse, "say">;

function say(
  speaker: Speaker,
  text: string,
  language: MessageLanguage,
  settings: VoiceSettings,
): void {
  const voice = settings.voices[language];
  const attributes = { language: SAY_LANGUAGE[language] };
  speaker.say(
    voice === undefined ? attributes : { ...attributes, voice: asSayVoice(voice) },
    speakable(text),
  );
}

/** Twilio adds voices faster than the package's list of them; an unknown one is for Twilio to refuse. */
function asSayVoice(voice: string): VoiceResponse.SayAttributes["voice"] & string {
  return voice as VoiceResponse.SayAttributes["voice"] & string;
}

/**
 * Without what would be read aloud as "asterisk" or by its picture's name, and without characters that XML cannot carry: the
 * builder would refuse them with an error that quotes the text.
 */
function speakable(text: string): string {
  return text
    .replace(/[*_~`]/g, "")
    .replace(/[\p{Extended_Pictographic}\u200d\ufe0f]/gu, "")
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]+/gu, " ")
    .trim();
}
