import { Client, Connection, isGrpcDeadlineError, isGrpcServiceError } from "@temporalio/client";
import type { ClientOptions } from "@temporalio/client";
import type { TemporalEnv } from "./env.ts";

export type TemporalClientOptions = Pick<ClientOptions, "dataConverter" | "interceptors">;

/**
 * A client that connects on its first use, so that the API starts while Temporal is away. One per process; close it
 * with `client.connection.close()`.
 */
export function createTemporalClient(
  temporal: TemporalEnv,
  options: TemporalClientOptions = {},
): Client {
  const connection = Connection.lazy(temporal.connection.reveal());
  return new Client({ ...options, connection, namespace: temporal.namespace });
}

/**
 * Runs Temporal calls under a deadline. Without one, a call to a server that is away fails only after some twenty
 * seconds of retries.
 */
export function withTemporalDeadline<T>(
  client: Client,
  deadlineMs: number,
  call: () => Promise<T>,
): Promise<T> {
  return client.withDeadline(Date.now() + deadlineMs, call);
}

/** gRPC's codes DEADLINE_EXCEEDED and UNAVAILABLE (https://grpc.io/docs/guides/status-codes/). */
const AWAY = new Set<number>([4, 14]);

/** Whether a failed call says nothing about the request, only that Temporal could not be asked (in time). */
export function isTemporalAway(error: unknown): boolean {
  if (isGrpcDeadlineError(error)) {
    return true;
  }
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) {
      return AWAY.has(cause.code);
    }
  }
  return false;
}
