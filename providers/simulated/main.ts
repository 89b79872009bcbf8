/**
 * The simulated vendors as a program of their own:
 * `tsx providers/simulated/main.ts [--port 4010] [--smtp-port 0] [--host 127.0.0.1] [--timeScale 1] [--state-file FILE]`
 */
import { parseArgs } from "node:util";

import { startSimulatedVendors } from "./server.ts";

const PORT_DEFAULT = "4010";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: PORT_DEFAULT },
    "smtp-port": { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    timeScale: { type: "string", default: "1" },
    "state-file": { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const port = Number(values.port);
const smtpPort = Number(values["smtp-port"]);
const timeScale = Number(values.timeScale);
const isPort = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 65_535;
if (!isPort(port) || !isPort(smtpPort) || !(timeScale > 0)) {
  process.stderr.write(
    "--port and --smtp-port take 0 to 65535, --timeScale a number greater than 0\n",
  );
  process.exit(2);
}

const stateFile = values["state-file"];
const vendors = await startSimulatedVendors({
  port,
  smtpPort,
  host: values.host,
  timeScale,
  ...(stateFile === undefined ? {} : { stateFile }),
  ...(values.verbose
    ? { log: (event: string, fields: object) => say(`${event} ${JSON.stringify(fields)}`) }
    : {}),
});
say(`simulated vendors: ${vendors.url}/sandbox`);
say(`simulated mail server: ${vendors.baseUrls.smtp}`);

let isClosing = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (isClosing) return;
    isClosing = true;
    vendors.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
