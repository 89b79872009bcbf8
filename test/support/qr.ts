import decodeQR from "qr/decode.js";

/** One dark module at a time: where its square begins, and its way back. */
const MODULE = /([Mm])(-?\d+)[ ,]?(-?\d+)h1v1[Hh]-?\d+Z/gu;
const PIXELS_PER_MODULE = 4;

/** What a phone reads from a QR code drawn as an SVG document. */
export function readQrSvg(svg: string): string {
  const side = Number(/viewBox="0 0 (\d+) \1"/u.exec(svg)?.[1]);
  const path = /<path d="([^"]+)"/u.exec(svg)?.[1] ?? "";
  const pixels = side * PIXELS_PER_MODULE;
  const data = new Uint8Array(pixels * pixels * 4).fill(255);
  const rest = path.replaceAll(MODULE, "");
  if (!Number.isInteger(side) || path === "" || rest !== "") {
    throw new Error(`not a drawing of squares: ${rest.slice(0, 80)}`);
  }
  let [x, y] = [0, 0];
  for (const [, kind, first, second] of path.matchAll(MODULE)) {
    const isAbsolute = kind === "M";
    x = Number(first) + (isAbsolute ? 0 : x);
    y = Number(second) + (isAbsolute ? 0 : y);
    darken(data, pixels, x, y);
  }
  return decodeQR({ width: pixels, height: pixels, data });
}

function darken(data: Uint8Array, pixels: number, x: number, y: number): void {
  for (let row = 0; row < PIXELS_PER_MODULE; row += 1) {
    const start = ((y * PIXELS_PER_MODULE + row) * pixels + x * PIXELS_PER_MODULE) * 4;
    for (let pixel = 0; pixel < PIXELS_PER_MODULE; pixel += 1) {
      data.fill(0, start + pixel * 4, start + pixel * 4 + 3);
    }
  }
}
