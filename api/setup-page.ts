import type { SetupLinkState } from "./verbs/set-up-administrator.ts";

/**
 * The pages behind a set-up link: plain HTML, no script. Opening the link changes nothing, because chat programs open
 * links to show a preview; only sending the form uses it.
 */

export type SetupLanguage = "id" | "en";

const TEXTS = {
  id: {
    title: "Administrator pertama",
    intro: "Isi nama dan nomor telepon Anda. Tautan ini hanya berlaku sekali.",
    name: "Nama",
    phone: "Nomor telepon",
    submit: "Jadikan saya administrator",
    badName: "Isi nama Anda.",
    badPhone: "Nomor ini bukan nomor telepon.",
    taken: "Nomor ini sudah dipakai orang lain.",
    done: "Anda sekarang administrator.",
    keyIntro: "Ini kunci API Anda. Simpan sekarang: kunci ini tidak akan ditampilkan lagi.",
    over: "Tautan ini sudah dipakai atau kedaluwarsa.",
    unknown: "Tautan ini tidak dikenal.",
    again: "Buat tautan baru di server dengan: npm run admin:link",
  },
  en: {
    title: "First administrator",
    intro: "Enter your name and phone number. This link works once.",
    name: "Name",
    phone: "Phone number",
    submit: "Make me the administrator",
    badName: "Enter your name.",
    badPhone: "This is not a phone number.",
    taken: "Somebody else has this number.",
    done: "You are an administrator now.",
    keyIntro: "This is your API key. Keep it now: it will not be shown again.",
    over: "This link was used or is too old.",
    unknown: "This link is not known.",
    again: "Make a new one on the server with: npm run admin:link",
  },
} as const;

/** The first language that the browser asks for, if it is one of ours; Indonesian else. */
export function setupLanguage(acceptLanguage: string | undefined): SetupLanguage {
  return /^\s*en\b/i.test(acceptLanguage ?? "") ? "en" : "id";
}

export type SetupForm = { readonly name: string; readonly phone: string };
export type SetupFault = "badName" | "badPhone" | "taken";

export function setupFormPage(
  language: SetupLanguage,
  form: SetupForm = { name: "", phone: "" },
  faults: readonly SetupFault[] = [],
): string {
  const texts = TEXTS[language];
  return page(
    language,
    `<p>${texts.intro}</p>
    ${faults.map((fault) => `<p class="fault" role="alert">${texts[fault]}</p>`).join("\n")}
    <form method="post">
      <label>${texts.name}<input name="name" required maxlength="200" autocomplete="name" value="${escape(form.name)}"></label>
      <label>${texts.phone}<input name="phone" type="tel" required maxlength="40" autocomplete="tel" placeholder="+62…" value="${escape(form.phone)}"></label>
      <button>${texts.submit}</button>
    </form>`,
  );
}

export function setupDonePage(language: SetupLanguage, key: string): string {
  const texts = TEXTS[language];
  return page(
    language,
    `<p>${texts.done}</p><p>${texts.keyIntro}</p><p><code>${escape(key)}</code></p>`,
  );
}

export function setupRefusedPage(
  language: SetupLanguage,
  state: Exclude<SetupLinkState, "open">,
): string {
  const texts = TEXTS[language];
  return page(language, `<p>${texts[state]}</p><p>${texts.again}</p>`);
}

const STYLE =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}label{display:block;margin:1rem 0}" +
  "input{display:block;width:100%;font:inherit;padding:.5rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1rem}" +
  "code{word-break:break-all}.fault{color:#b00020}";

function page(language: SetupLanguage, body: string): string {
  const { title } = TEXTS[language];
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Siaga: ${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
