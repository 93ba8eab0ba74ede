import { describe, expect, it } from "vitest";
import { Refusal } from "../../../src/hosts/host";
import { Sheet } from "../../../src/inspector/matrix/sheet";
import { Sheets } from "../../../src/inspector/matrix/sheets.svelte";
import { nameOf, type Place, type Source, type Tile } from "../../../src/inspector/matrix/tile";

const at = (level: number, row = 0, column = 0): Place => ({ down: level, across: level, row, column });
const settled = (): Promise<void> => new Promise((done) => setTimeout(done));

/** Gives tiles when it is told to; each is filled with a number of its own. */
class Slow implements Source {
  readonly rows = 10_000;
  readonly columns = 10_000;
  readonly asked: string[] = [];
  readonly givenUp: string[] = [];
  #waiting = new Map<string, { give: (tile: Tile) => void; refuse: (reason: unknown) => void; place: Place }>();

  constructor(readonly value = 1) {}

  tile(place: Place, signal: AbortSignal): Promise<Tile> {
    this.asked.push(nameOf(place));
    signal.addEventListener("abort", () => this.givenUp.push(nameOf(place)));
    return new Promise((give, refuse) => this.#waiting.set(nameOf(place), { give, refuse, place }));
  }

  async give(place: Place): Promise<void> {
    this.#waiting.get(nameOf(place))?.give({ ...place, values: new Float32Array(65_536).fill(this.value), width: 256, most: this.value });
    await settled();
  }

  async refuse(place: Place, reason: unknown): Promise<void> {
    this.#waiting.get(nameOf(place))?.refuse(reason);
    await settled();
  }
}

describe("the tiles of a matrix", () => {
  it("are asked for once, and given up when they are out of sight", async () => {
    const source = new Slow();
    const sheet = new Sheet(source, () => undefined);
    sheet.want([at(0, 1, 1), at(0, 1, 2)]);
    sheet.want([at(0, 1, 2), at(0, 1, 3)]);
    expect(source.asked).toEqual(["0 0 1 1", "0 0 1 2", "0 0 1 3"]);
    expect(source.givenUp).toEqual(["0 0 1 1"]);
    await source.give(at(0, 1, 1));
    expect(sheet.known(at(0, 1, 1))).toBeNull();
    expect(sheet.isSettled).toBe(false);
    await source.give(at(0, 1, 2));
    await source.give(at(0, 1, 3));
    expect(sheet.isSettled).toBe(true);
  });

  it("are stood in for by the finest that covers them", async () => {
    const source = new Slow();
    const sheet = new Sheet(source, () => undefined);
    sheet.want([at(4), at(2, 1, 1), at(3)]);
    for (const place of [at(4), at(2, 1, 1), at(3)]) await source.give(place);
    expect(sheet.known(at(0, 5, 6))).toMatchObject(at(2, 1, 1));
    expect(sheet.known(at(0, 0, 0))).toMatchObject(at(3));
    expect(sheet.known(at(1, 7, 7))).toMatchObject(at(4));
    expect(sheet.cell(at(0), 1100, 1200)).toMatchObject({ cell: { down: 2, row: 275, column: 300 }, value: 1 });
  });

  it("go when there are too many, the finest first", async () => {
    const source = new Slow();
    const sheet = new Sheet(source, () => undefined);
    sheet.want([at(6)]);
    await source.give(at(6));
    for (let column = 0; column < 80; column++) {
      sheet.want([at(0, 0, column)]);
      await source.give(at(0, 0, column));
    }
    expect(sheet.known(at(0, 0, 3))).toMatchObject(at(6));
    expect(sheet.known(at(0, 0, 79))).toMatchObject(at(0, 0, 79));
  });

  it("tell a refusal, and forget it when the next one comes", async () => {
    const source = new Slow();
    const sheet = new Sheet(source, () => undefined);
    sheet.want([at(0), at(1)]);
    await source.refuse(at(0), new Refusal("thinned out"));
    expect(sheet.refused).toBe("thinned out");
    expect(sheet.isSettled).toBe(true);
    await source.give(at(1));
    expect(sheet.refused).toBeNull();
  });

  it("are asked for again where somebody else gave them up", async () => {
    const source = new Slow();
    new Sheet(source, () => undefined).want([at(0)]);
    await source.refuse(at(0), new DOMException("given up", "AbortError"));
    expect(source.asked).toEqual(["0 0 0 0", "0 0 0 0"]);
  });
});

describe("a matrix that changes", () => {
  it("is shown as it was until all that is seen of the next has come", async () => {
    const [before, after] = [new Slow(1), new Slow(2)];
    const sheets = new Sheets();
    sheets.want(before, [at(0), at(0, 0, 1)]);
    await before.give(at(0));
    await before.give(at(0, 0, 1));
    expect(sheets.busy).toBe(false);
    sheets.want(after, [at(0), at(0, 0, 1)]);
    await after.give(at(0));
    expect(sheets.shown?.source).toBe(before);
    expect(sheets.busy).toBe(true);
    await after.give(at(0, 0, 1));
    expect(sheets.shown?.source).toBe(after);
    expect(sheets.busy).toBe(false);
  });

  it("goes on from the one under way to the newest", async () => {
    const steps = [0, 1, 2, 3].map((value) => new Slow(value)) as [Slow, Slow, Slow, Slow];
    const sheets = new Sheets();
    sheets.want(steps[0], [at(0)]);
    await steps[0].give(at(0));
    for (const step of steps.slice(1)) sheets.want(step, [at(0)]);
    await steps[1].give(at(0));
    expect(sheets.shown?.source).toBe(steps[1]);
    await steps[3].give(at(0));
    expect(sheets.shown?.source).toBe(steps[3]);
    expect(steps[2].asked).toEqual([]);
  });

  it("asks for nothing any longer when it is closed", () => {
    const source = new Slow();
    const sheets = new Sheets();
    sheets.want(source, [at(0)]);
    sheets.close();
    expect(source.givenUp).toEqual(["0 0 0 0"]);
  });
});
