import { randomBytes } from "node:crypto";
import { Connection } from "@temporalio/client";
import { SearchAttributeType } from "@temporalio/common";
import { google, temporal } from "@temporalio/proto";
import { afterAll, beforeAll, inject } from "vitest";

import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";
import { openNamespace, type TestNamespace } from "./open-namespace.ts";

const INDEXED = {
  [SearchAttributeType.KEYWORD]: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  [SearchAttributeType.INT]: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_INT,
} as const;

const ONE_DAY = google.protobuf.Duration.fromObject({ seconds: 86_400 });

export async function makeNamespace(address: string): Promise<string> {
  const name = `test-${randomBytes(5).toString("hex")}`;
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.registerNamespace({
      namespace: name,
      workflowExecutionRetentionPeriod: ONE_DAY,
    });
    await connection.operatorService.addSearchAttributes({
      namespace: name,
      searchAttributes: Object.fromEntries(
        Object.values(SEARCH_ATTRIBUTES).map(({ name: attribute, type }) => [
          attribute,
          INDEXED[type],
        ]),
      ),
    });
  } finally {
    await connection.close();
  }
  return name;
}

/** A namespace of the file's own, so that files on one server never see each other's runs. */
export function useTestNamespace(): () => TestNamespace {
  let current: TestNamespace | undefined;
  beforeAll(async () => {
    const address = inject("temporalAddress");
    const name = await makeNamespace(address);
    current = await openNamespace({ address, name, bundlePath: inject("workflowBundlePath") });
  });
  afterAll(() => current?.close());
  return () => {
    if (!current) throw new Error("the namespace exists inside tests and hooks only");
    return current;
  };
}
