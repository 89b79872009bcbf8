import { Client, Connection } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";

/** A Temporal namespace to run stories in, and the workflow code to run them with. */
export interface TestNamespace {
  readonly name: string;
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly address: string;
  /** For `workflowBundle: { codePath }`. */
  readonly bundlePath: string;
  readonly close: () => Promise<void>;
}

/** Who starts, signals and works in tests: the default would name the host in every event. */
export const TEST_IDENTITY = "siaga-test";

export async function openNamespace(where: {
  readonly address: string;
  readonly name: string;
  readonly bundlePath: string;
}): Promise<TestNamespace> {
  const { address, name } = where;
  const connection = await NativeConnection.connect({ address });
  const client = new Client({
    connection: await Connection.connect({ address }),
    namespace: name,
    identity: TEST_IDENTITY,
  });
  return {
    ...where,
    client,
    connection,
    close: async () => {
      await client.connection.close();
      await connection.close();
    },
  };
}
