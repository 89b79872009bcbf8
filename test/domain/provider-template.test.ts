import { describe, expect, it } from "vitest";

import { judgeTemplate } from "../../domain/provider-template.ts";
import type { TemplateMapping, VendorTemplate } from "../../domain/provider-template.ts";

const MAPPING: TemplateMapping = {
  name: "siaga_answer",
  status: null,
  language: "id",
  parameters: ["subject_line", "reply_code"],
};

const VENDOR: VendorTemplate = {
  name: "siaga_answer",
  languageCode: "id",
  state: "approved",
  parameters: ["1", "2"],
  quickReplies: 2,
  unfillable: [],
};

function fault(
  mapping: TemplateMapping | null,
  vendor: Partial<VendorTemplate> | null,
): string | null {
  const verdict = judgeTemplate(mapping, "id", vendor === null ? [] : [{ ...VENDOR, ...vendor }]);
  return verdict.ok ? null : verdict.fault;
}

describe("a text goes out by a vendor's template", () => {
  it("when it is approved and its places are ours", () => {
    expect(judgeTemplate(MAPPING, "id", [VENDOR])).toEqual({
      ok: true,
      name: "siaga_answer",
      languageCode: "id",
      parameters: ["subject_line", "reply_code"],
      parameterNames: null,
      buttonsMax: 2,
      hasCodeButton: false,
    });
  });

  it.each([
    {
      vendor: ["code_button"],
      ours: ["otp_code"],
      fault: null,
      button: true,
      why: "a code's text",
    },
    { vendor: [], ours: ["otp_code"], fault: null, button: false, why: "it has no button" },
    {
      vendor: ["code_button"],
      ours: ["subject_line"],
      fault: "template_part",
      button: false,
      why: "a text without a code has nothing for it",
    },
    {
      vendor: ["header", "code_button"],
      ours: ["otp_code"],
      fault: "template_part",
      button: false,
      why: "what else it wants stays unfilled",
    },
  ])(
    "that copies a code only where there is one: $why",
    ({ vendor, ours, fault: expected, button }) => {
      const mapping = { ...MAPPING, parameters: ours };
      const template = { ...VENDOR, parameters: ["1"], quickReplies: 0, unfillable: vendor };
      const verdict = judgeTemplate(mapping, "id", [template]);
      expect(verdict.ok ? null : verdict.fault).toBe(expected);
      expect(verdict.ok && verdict.hasCodeButton).toBe(button);
    },
  );

  it("with its button where the vendor's list was not read: every template that tells codes has one", () => {
    const mapping = { ...MAPPING, status: "approved", parameters: ["otp_code"] };
    expect(judgeTemplate(mapping, "id", [])).toMatchObject({ ok: true, hasCodeButton: true });
  });

  it("by name where the vendor's places have names, whatever their order", () => {
    const vendor = { ...VENDOR, parameters: ["reply_code", "subject_line"] };
    expect(judgeTemplate(MAPPING, "id", [vendor])).toMatchObject({
      ok: true,
      parameters: ["subject_line", "reply_code"],
      parameterNames: ["subject_line", "reply_code"],
    });
  });

  it("in the vendor's own code of the language, the very one first", () => {
    const english = { ...MAPPING, language: "en" };
    const american = { ...VENDOR, languageCode: "en_US" };
    expect(judgeTemplate(english, "en", [american])).toMatchObject({ languageCode: "en_US" });
    const plain = { ...VENDOR, languageCode: "en" };
    expect(judgeTemplate(english, "en", [american, plain])).toMatchObject({ languageCode: "en" });
  });

  it("on the mapping's own word while the vendor's list was not read", () => {
    expect(fault({ ...MAPPING, status: "approved" }, null)).toBeNull();
  });
});

describe("what can't be sent is named", () => {
  it.each<{
    mapping: TemplateMapping | null;
    vendor: Partial<VendorTemplate> | null;
    expected: string;
    reason: string;
  }>([
    { mapping: null, vendor: {}, expected: "template_unmapped", reason: "nothing is chosen" },
    {
      mapping: { ...MAPPING, name: null },
      vendor: {},
      expected: "template_unmapped",
      reason: "an administrator has not entered the name yet",
    },
    {
      mapping: MAPPING,
      vendor: null,
      expected: "template_unknown",
      reason: "nobody knows what the vendor has",
    },
    {
      mapping: { ...MAPPING, status: "paused" },
      vendor: null,
      expected: "template_paused",
      reason: "the vendor reported it before its list was read",
    },
    {
      mapping: { ...MAPPING, status: "approved" },
      vendor: { state: "paused" },
      expected: "template_paused",
      reason: "the list is newer than the mapping's word",
    },
    { mapping: MAPPING, vendor: { state: "pending" }, expected: "template_pending", reason: "" },
    { mapping: MAPPING, vendor: { state: "disabled" }, expected: "template_disabled", reason: "" },
    { mapping: MAPPING, vendor: { state: "rejected" }, expected: "template_rejected", reason: "" },
    { mapping: MAPPING, vendor: { state: "unknown" }, expected: "template_unknown", reason: "" },
    {
      mapping: MAPPING,
      vendor: { languageCode: "en" },
      expected: "template_unknown",
      reason: "another language",
    },
    {
      mapping: MAPPING,
      vendor: { parameters: ["1"] },
      expected: "template_parameters",
      reason: "one place too few",
    },
    {
      mapping: MAPPING,
      vendor: { parameters: ["1", "2", "3"] },
      expected: "template_parameters",
      reason: "one place too many",
    },
    {
      mapping: MAPPING,
      vendor: { parameters: ["subject_line", "code"] },
      expected: "template_parameters",
      reason: "a name that we don't fill",
    },
    {
      mapping: MAPPING,
      vendor: { unfillable: ["header"] },
      expected: "template_part",
      reason: "an image above the text",
    },
  ])("$expected: $reason", ({ mapping, vendor, expected }) => {
    expect(fault(mapping, vendor)).toBe(expected);
  });
});
