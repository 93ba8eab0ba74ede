import { describe, expect, it } from "vitest";
import { gelu, leakyRelu, relu, sigmoid, tanh } from "../../src/engine/layers/activations";
import { conv2d } from "../../src/engine/layers/conv2d";
import { linear } from "../../src/engine/layers/linear";
import { batchNorm, layerNorm } from "../../src/engine/layers/normalisation";
import { avgPool, maxPool } from "../../src/engine/layers/pooling";
import { flatten, identity } from "../../src/engine/layers/reshaping";
import { counting, parts, signal } from "./parts";

describe("linear", () => {
  it("sums what it reads and adds the bias", () => {
    const held = { weight: signal([2, 3], 1, 2, 3, 0, -1, 0.5), bias: signal([2], 10, -1) };
    expect([...linear(signal([3], 1, 1, 2), parts(held)).data]).toEqual([19, -1]);
  });

  it("works on the last axis of several", () => {
    const given = linear(signal([2, 2], 1, 2, 3, 4), parts({ weight: signal([1, 2], 1, 10) }));
    expect([given.shape, [...given.data]]).toEqual([[2, 1], [21, 43]]);
  });
});

describe("conv2d", () => {
  const picture = signal([1, 3, 3], ...counting(9));

  it("does not flip its kernel", () => {
    const given = conv2d(picture, parts({ weight: signal([1, 1, 2, 2], 1, 0, 0, 10), bias: signal([1], 0.5) }));
    expect([given.shape, [...given.data]]).toEqual([[1, 2, 2], [40.5, 51.5, 73.5, 84.5]]);
  });

  it("has zeros around the picture", () => {
    const shift = signal([1, 1, 3, 3], 1, 0, 0, 0, 0, 0, 0, 0, 0); // gives what lies above to the left
    const given = conv2d(picture, parts({ weight: shift }, { padding: [1, 1] }));
    expect([...given.data]).toEqual([0, 0, 0, 0, 0, 1, 0, 3, 4]);
  });

  it("strides, other ones down than to the right", () => {
    const given = conv2d(picture, parts({ weight: signal([1, 1, 1, 1], 1) }, { stride: [2, 1] }));
    expect([given.shape, [...given.data]]).toEqual([[1, 2, 3], [0, 1, 2, 6, 7, 8]]);
  });

  it("adds up its input channels", () => {
    const two = signal([2, 1, 2], 1, 2, 10, 20);
    const given = conv2d(two, parts({ weight: signal([2, 2, 1, 1], 1, 1, 1, -1) }));
    expect([...given.data]).toEqual([11, 22, -9, -18]);
  });
});

describe("pooling", () => {
  const picture = signal([1, 3, 3], 0, 1, 2, 3, 4, 5, 6, 7, 8);
  const square = { kernel: [2, 2], stride: [2, 2] };

  it("takes the largest and leaves the rest of the picture out", () => {
    expect([...maxPool(picture, parts({}, square)).data]).toEqual([4]);
  });

  it("gives NaN where there is one", () => {
    expect([...maxPool(signal([1, 2, 2], 1, NaN, 3, 2), parts({}, square)).data]).toEqual([NaN]);
  });

  it("averages; padding counts or not", () => {
    const padded = { kernel: [2, 2], stride: [2, 2], padding: [1, 1] };
    expect([...avgPool(picture, parts({}, { ...padded, counts_padding: [1] })).data]).toEqual([0, 0.75, 2.25, 6]);
    expect([...avgPool(picture, parts({}, { ...padded, counts_padding: [0] })).data]).toEqual([0, 1.5, 4.5, 6]);
  });
});

describe("activations", () => {
  const close = (given: Float32Array, wanted: number[]): void =>
    wanted.forEach((each, place) => expect(given[place]).toBeCloseTo(each, 6));
  const some = signal([4], -2, -0.5, 0, 3);

  it("are those of torch", () => {
    close(relu(some, parts()).data, [0, 0, 0, 3]);
    close(leakyRelu(some, parts({}, { slope: [0.1] })).data, [-0.2, -0.05, 0, 3]);
    close(tanh(some, parts()).data, [-0.9640276, -0.4621172, 0, 0.9950548]);
    close(sigmoid(some, parts()).data, [0.1192029, 0.3775407, 0.5, 0.9525741]);
    close(gelu(some, parts()).data, [-0.0455003, -0.1542688, 0, 2.9959502]);
    close(gelu(some, parts({}, { by_tanh: [1] })).data, [-0.0454023, -0.154286, 0, 2.9963627]);
  });

  it("do not hide NaN", () => {
    expect(relu(signal([1], NaN), parts()).data[0]).toBeNaN();
  });
});

describe("normalisation", () => {
  it("of a batch takes what was measured in training", () => {
    const held = {
      running_mean: signal([2], 1, 10),
      running_var: signal([2], 4, 25),
      weight: signal([2], 2, 1),
      bias: signal([2], 0, 100),
    };
    const given = batchNorm(signal([2, 1, 2], 1, 3, 10, 15), parts(held, { eps: [0] }));
    expect([...given.data]).toEqual([0, 2, 100, 101]);
  });

  it("of a layer measures the example", () => {
    const given = layerNorm(signal([2, 2], 1, 3, 10, 30), parts({}, { eps: [0], axes: [1] }));
    expect([...given.data]).toEqual([-1, 1, -1, 1]);
  });
});

describe("reshaping", () => {
  it("flattens, and drops nothing out", () => {
    const some = signal([2, 2], 1, 2, 3, 4);
    expect(flatten(some, parts()).shape).toEqual([4]);
    expect(identity(some, parts())).toBe(some);
  });
});
