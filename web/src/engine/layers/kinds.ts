import { gelu, leakyRelu, relu, sigmoid, tanh } from "./activations";
import { conv2d } from "./conv2d";
import type { Layer } from "./layer";
import { linear } from "./linear";
import { batchNorm, layerNorm } from "./normalisation";
import { avgPool, maxPool } from "./pooling";
import { flatten, identity } from "./reshaping";

/** Each kind of layer by the name of its class in torch; `server/questions/network.py` has the same list. */
export const KINDS: Readonly<Record<string, Layer>> = {
  AvgPool2d: avgPool,
  BatchNorm1d: batchNorm,
  BatchNorm2d: batchNorm,
  Conv2d: conv2d,
  Dropout: identity,
  Flatten: flatten,
  GELU: gelu,
  Identity: identity,
  LayerNorm: layerNorm,
  LeakyReLU: leakyRelu,
  Linear: linear,
  MaxPool2d: maxPool,
  ReLU: relu,
  Sigmoid: sigmoid,
  Tanh: tanh,
};
