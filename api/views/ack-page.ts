import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { AnsweredLink, SeenLink } from "../verbs/answer-by-link.ts";
import type { Locale } from "../../domain/locale.ts";
import { ACK_PAGE_TEXTS } from "../../rendering/ack-page-texts.ts";
import type { AckPageTexts } from "../../rendering/ack-page-texts.ts";
import { answerText } from "../../rendering/answer-text.ts";
import { formatInstant } from "../../rendering/instant.ts";
import { notificationSubject } from "../../rendering/notification-subject.ts";
import { templateScope } from "../../rendering/scope.ts";
import { fill, TEXTS } from "../../rendering/texts.ts";

/** The page behind a signed link: no script, no request beside itself, one button, readable on any phone that opens a link. */

const STYLE = `
body{margin:0;background:#fff;color:#111;font:18px/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem}
dl{margin:0 0 1rem}dt{color:#555;font-size:.9rem}dd{margin:0 0 .6rem}
.state{border-left:6px solid #767676;padding:.5rem .8rem;background:#f2f2f2;margin:0 0 1rem}
.urgent{border-color:#b00020}.done{border-color:#1b7a3d}
label,legend{display:block;margin:1rem 0 .3rem;padding:0}
fieldset{border:0;margin:0;padding:0}
fieldset label{display:inline-block;margin:0 1rem .5rem 0;padding:.6rem 0}
select,input[type=text]{width:100%;box-sizing:border-box;font:inherit;padding:.7rem;border:2px solid #555;border-radius:6px;background:#fff;color:#111}
button{width:100%;min-height:4rem;margin:1.2rem 0 0;font:inherit;font-size:1.3rem;font-weight:bold;color:#fff;background:#1b5e9e;border:0;border-radius:10px}
button:focus,select:focus,input:focus{outline:4px solid #f0a500}`;

/** Nothing but this style and this page's own form. */
export const ACK_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

type Page = HtmlEscapedString | Promise<HtmlEscapedString>;
type Open = Extract<SeenLink, { readonly kind: "open" }>;

export type PageSettings = {
  readonly locale: Locale;
  /** IANA. */
  readonly timeZone: string;
};

/** Before the button: what it is about, and whether there is anything left to press. */
export function renderSeenLink(seen: SeenLink, settings: PageSettings): Page {
  if (seen.kind !== "open") return renderEnd(seen, settings);
  const state = stateOf(seen, settings);
  return renderPage(seen, state, state.isOpen ? form(seen, null) : null, settings);
}

/** After the button: what was recorded, or who was first. */
export function renderAnsweredLink(answered: AnsweredLink, settings: PageSettings): Page {
  if (answered.kind !== "open") return renderEnd(answered, settings);
  const { page, result, subject } = answered;
  const { locale } = page.recipient;
  if (result.kind === "missing") {
    const texts = ACK_PAGE_TEXTS[locale];
    const problem = result.what === "who" ? texts.whoMissing : texts.ratingMissing;
    return renderPage(answered, stateOf(answered, settings), form(answered, problem), settings);
  }
  const text = answerText(result.situation, {
    channel: "in_app",
    locale,
    timeZone: page.recipient.timeZone ?? settings.timeZone,
    named: new Map([[subject.id, { subject: notificationSubject(subject, locale), code: null }]]),
  });
  const isDone = ["thanks", "taken_by_you"].includes(result.situation.kind);
  const state = { text: text ?? "", tone: isDone ? "done" : "", isOpen: false } as const;
  return renderPage(answered, state, null, settings);
}

type State = {
  readonly text: string;
  readonly tone: "" | "urgent" | "done";
  readonly isOpen: boolean;
};

function stateOf({ link, page, subject }: Open, settings: PageSettings): State {
  const { locale } = page.recipient;
  const texts = ACK_PAGE_TEXTS[locale];
  if (subject.answers === "rate") {
    return page.rating === null
      ? { text: texts.asks.rate, tone: "", isOpen: true }
      : { text: TEXTS[locale].thanks.rated, tone: "done", isOpen: true };
  }
  if (subject.answers === "none") return { text: "", tone: "", isOpen: false };
  const { acknowledgedAt, acknowledgedBy, isSettled, stopKind } = page;
  const isYours =
    page.hasAnswered ||
    (acknowledgedBy?.userId !== null &&
      acknowledgedBy?.userId !== undefined &&
      acknowledgedBy.userId === link.target.id);
  if (isYours) return { text: texts.yours, tone: "done", isOpen: false };
  if (acknowledgedBy !== null && acknowledgedAt !== null) {
    const name = acknowledgedBy.name ?? TEXTS[locale].somebody;
    const time = instantText(acknowledgedAt, page, settings);
    return { text: fill(texts.takenBy, { name, time }), tone: "done", isOpen: false };
  }
  if (stopKind === "cancel") return { text: texts.over.cancelled, tone: "", isOpen: false };
  if (stopKind === "resolve") return { text: texts.over.resolved, tone: "", isOpen: false };
  if (isSettled) return { text: texts.over.settled, tone: "", isOpen: false };
  const isUrgent = subject.priority === "critical" || subject.priority === "high";
  return { text: texts.nobody, tone: isUrgent ? "urgent" : "", isOpen: true };
}

function instantText(at: number, { recipient }: Open["page"], settings: PageSettings): string {
  return String(formatInstant(at, recipient.locale, recipient.timeZone ?? settings.timeZone));
}

function renderPage(seen: Open, state: State, button: Page | null, settings: PageSettings): Page {
  const { page, subject } = seen;
  const { locale } = page.recipient;
  const texts = ACK_PAGE_TEXTS[locale];
  const scope = templateScope({
    ...subject,
    type: { code: subject.type.code, name: subject.type.names[locale] },
    customer: null,
    portalUrl: null,
    locale,
  });
  const text = (name: string): string => {
    const value = scope[name];
    return typeof value === "string" ? value : "";
  };
  const rows = [
    [texts.what, text("description") || text("title") || text("ticket_title") || text("type")],
    [texts.where, text("location") || text("address") || text("zone")],
    [texts.since, instantText(page.acceptedAt, page, settings)],
    [texts.priority, TEXTS[locale].priority[subject.priority]],
  ] as const;
  return frame(
    locale,
    notificationSubject(subject, locale),
    html`<dl>
        ${rows
          .filter(([, value]) => value !== "")
          .map(
            ([name, value]) =>
              html`<dt>${name}</dt>
                <dd>${value}</dd>`,
          )}
      </dl>
      ${
        state.text === ""
          ? ""
          : html`<p class="state ${state.tone}" role="status">${state.text}</p>`
      }
      ${button ?? ""}`,
  );
}

function form({ link, page, subject }: Open, problem: string | null): Page {
  const { answers } = subject;
  if (answers === "none") return html``;
  const texts = ACK_PAGE_TEXTS[page.recipient.locale];
  return html`<form method="post" autocomplete="off">
    ${problem === null ? "" : html`<p class="state urgent" role="alert">${problem}</p>`}
    ${link.target.kind === "group" ? whoFields(page, texts) : ""}
    ${answers === "rate" ? ratingFields(texts) : ""}
    <button type="submit">${texts.button[answers]}</button>
  </form>`;
}

function whoFields({ members }: Open["page"], texts: AckPageTexts): Page {
  const choice =
    members.length === 0
      ? ""
      : html`<label for="member">${texts.who}</label>
          <select id="member" name="member">
            <option value="">${texts.choose}</option>
            ${members.map(({ id, name }) => html`<option value="${id}">${name}</option>`)}
          </select>`;
  return html`${choice}<label for="name"
      >${members.length === 0 ? texts.who : texts.otherName}</label
    >
    <input id="name" name="name" type="text" maxlength="100" />`;
}

function ratingFields(texts: AckPageTexts): Page {
  return html`<fieldset>
    <legend>${texts.rating}</legend>
    ${[1, 2, 3, 4, 5].map(
      (rating) =>
        html`<label><input type="radio" name="rating" value="${rating}" /> ${rating}</label>`,
    )}
  </fieldset>`;
}

function renderEnd(seen: Exclude<SeenLink, Open>, settings: PageSettings): Page {
  const locale = (seen.kind === "expired" ? seen.locale : null) ?? settings.locale;
  const texts = ACK_PAGE_TEXTS[locale];
  const [title, text] =
    seen.kind === "expired"
      ? [texts.expiredTitle, texts.expired]
      : [texts.invalidTitle, texts.invalid];
  return frame(locale, title, html`<p class="state" role="status">${text}</p>`);
}

function frame(locale: Locale, title: string, content: Page): Page {
  return html`<!doctype html>
    <html lang="${locale}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex,nofollow" />
        <meta name="format-detection" content="telephone=no" />
        <title>${title}</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`;
}
