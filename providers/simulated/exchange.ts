/**
 * One request to a vendor, from its bytes to its answer: the vendor reads it, the faults have their say, the log notes
 * it (before the client learns of it and before anything is sent on), the vendor accepts, the answer goes out or doesn't.
 */
import type { SeenRequest } from "./seen.ts";
import type { AnswerFault, Faults, Misfortune } from "./faults.ts";
import type { EventLog, RequestEntry } from "./log.ts";
import type { WorldTime } from "./time.ts";
import type {
  Acceptance,
  Failure,
  Reading,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendors/vendor.ts";

/** What is to be done with the client's connection. */
export type Exchange =
  { readonly kind: "answer"; readonly response: VendorResponse } | { readonly kind: "drop" };

export type ExchangeParts = {
  readonly time: WorldTime;
  readonly faults: Faults;
  readonly log: EventLog<RequestEntry>;
  readonly ban: (accountId: string) => void;
};

export async function exchange(
  parts: ExchangeParts,
  vendor: VendorSimulator,
  request: VendorRequest,
): Promise<Exchange> {
  const reading = await vendor.read(request);
  return carryOut(
    parts,
    vendor,
    reading,
    reading.seen.map((seen) => parts.faults.befall(seen)),
  );
}

/** For a vendor whose protocol has several steps: what befalls a message is known before it is whole. */
export async function carryOut(
  parts: ExchangeParts,
  vendor: VendorSimulator,
  reading: Reading,
  misfortunes: readonly Misfortune[],
): Promise<Exchange> {
  const fault = misfortunes.find(({ answer }) => answer !== null)?.answer ?? null;
  const prevented = fault === null ? null : prevention(fault, vendor);
  if (prevented !== null) {
    if (fault?.kind === "ban") for (const { accountId } of reading.seen) ban(parts, accountId);
    const response = prevented === "drop" ? null : prevented;
    note(parts, reading, misfortunes, {
      accepted: false,
      ids: [],
      status: response?.status ?? null,
      refusedAs: fault?.kind ?? null,
    });
    return response === null ? { kind: "drop" } : { kind: "answer", response };
  }
  if (reading.outcome.kind === "answer") {
    const { refusedAs, response } = reading.outcome;
    note(parts, reading, misfortunes, {
      accepted: refusedAs === null,
      ids: [],
      status: fault?.kind === "drop_after" ? null : response.status,
      refusedAs,
    });
    return bend(parts.time, fault, response, vendor);
  }
  return accept(parts, vendor, reading, reading.outcome.accept(misfortunes), misfortunes, fault);
}

async function accept(
  parts: ExchangeParts,
  vendor: VendorSimulator,
  reading: Reading,
  acceptance: Acceptance,
  misfortunes: readonly Misfortune[],
  fault: AnswerFault | null,
): Promise<Exchange> {
  note(parts, reading, misfortunes, {
    accepted: true,
    ids: acceptance.providerMessageIds,
    status: statusAfter(fault, acceptance.response),
    refusedAs: null,
  });
  await acceptance.start(fault?.kind === "early_receipt");
  return bend(parts.time, fault, acceptance.response, vendor);
}

/** The answer of a request that is not carried out; null when it is. */
function prevention(fault: AnswerFault, vendor: VendorSimulator): VendorResponse | "drop" | null {
  switch (fault.kind) {
    case "drop_before":
      return "drop";
    case "rate_limited":
      return vendor.fail({
        kind: "rate_limited",
        retryAfterSeconds: fault.retryAfterSeconds ?? null,
      });
    case "server_error":
      return fault.accepts ? null : vendor.fail(serverError(fault.httpStatus));
    case "unauthorized":
      return vendor.fail({ kind: "unauthorized" });
    case "ban":
      return vendor.fail({ kind: "banned" });
    case "refuse": {
      const code = fault.code === undefined ? null : String(fault.code);
      const httpStatus = fault.httpStatus ?? null;
      return vendor.fail({ kind: "refused", code, httpStatus, shape: fault.shape });
    }
    case "drop_after":
    case "delay":
    case "malformed":
    case "empty":
    case "early_receipt":
      return null;
  }
}

/** What becomes of the answer of a request that was carried out. */
async function bend(
  time: WorldTime,
  fault: AnswerFault | null,
  response: VendorResponse,
  vendor: VendorSimulator,
): Promise<Exchange> {
  switch (fault?.kind) {
    case "drop_after":
      return { kind: "drop" };
    case "delay":
      await time.sleep(fault.delayMs);
      return { kind: "answer", response };
    case "malformed":
      return {
        kind: "answer",
        response: {
          ...response,
          status: 200,
          body: response.body.slice(0, Math.floor(response.body.length / 2)),
        },
      };
    case "empty":
      return { kind: "answer", response: { ...response, status: 200, body: "" } };
    case "server_error":
      return { kind: "answer", response: vendor.fail(serverError(fault.httpStatus)) };
    case "drop_before":
    case "refuse":
    case "rate_limited":
    case "unauthorized":
    case "ban":
    case "early_receipt":
    case undefined:
      return { kind: "answer", response };
  }
}

function statusAfter(fault: AnswerFault | null, response: VendorResponse): number | null {
  switch (fault?.kind) {
    case "drop_after":
      return null;
    case "server_error":
      return fault.httpStatus;
    case "malformed":
    case "empty":
      return 200;
    default:
      return response.status;
  }
}

function note(
  parts: ExchangeParts,
  reading: Reading,
  misfortunes: readonly Misfortune[],
  result: {
    readonly accepted: boolean;
    readonly ids: readonly (string | null)[];
    readonly status: number | null;
    readonly refusedAs: string | null;
  },
): void {
  reading.seen.forEach((seen: SeenRequest, index) => {
    const kinds = misfortunes[index]?.kinds ?? [];
    parts.log.append({
      ...seen,
      accepted: result.accepted,
      providerMessageId: result.ids[index] ?? null,
      httpStatus: result.status,
      vendorCode: result.refusedAs,
      fault: kinds[0] ?? null,
      faults: kinds,
    });
  });
}

function ban(parts: ExchangeParts, accountId: string | null): void {
  if (accountId !== null) parts.ban(accountId);
}

function serverError(httpStatus: number): Failure {
  return { kind: "server_error", httpStatus };
}
