import { expect, it } from "vitest";
import { Latest } from "../../src/model/latest";

it("runs one at a time, and of those that wait the newest", async () => {
  const [latest, begun] = [new Latest(), [] as string[]];
  let end: () => void = () => undefined;
  latest.run(() => new Promise((done) => ((end = done), begun.push("first"))));
  for (const name of ["second", "third"]) latest.run(async () => void begun.push(name));
  const { present } = latest;
  expect(begun).toEqual(["first"]);
  end();
  await present;
  await latest.present;
  expect(begun).toEqual(["first", "third"]);
});

it("goes on after work that fails, and waiting for that does not fail", async () => {
  const [latest, begun] = [new Latest(), [] as string[]];
  latest.run(() => Promise.reject(new Error("no answer")));
  latest.run(async () => void begun.push("next"));
  await expect(latest.present).resolves.toBeUndefined();
  await latest.present;
  expect(begun).toEqual(["next"]);
});
