export type Samples = Float32Array<ArrayBuffer>;

const LOUD = 0.8; // of what a loudspeaker takes

/** As loud as fits beside a reference, so that two sounds of it can be compared; what is louder is cut off. */
export function normalised(samples: ArrayLike<number>, reference: ArrayLike<number> = samples): Samples {
  const most = peak(reference);
  const gain = most > 0 ? LOUD / most : 0;
  return Float32Array.from(samples, (each) => Math.min(1, Math.max(-1, (Number.isFinite(each) ? each : 0) * gain)));
}

/** So many samples a second instead, each on the straight line between its neighbours. */
export function resampled(samples: ArrayLike<number>, from: number, to: number): Samples {
  const length = Math.round((samples.length * to) / from);
  const last = samples.length - 1;
  const made = new Float32Array(length);
  for (let at = 0; at < length; at++) {
    const place = Math.min(last, (at * from) / to);
    const before = Math.floor(place);
    const [one, two] = [samples[before] ?? 0, samples[Math.min(last, before + 1)] ?? 0];
    made[at] = one + (two - one) * (place - before);
  }
  return made;
}

export function repeated(samples: ArrayLike<number>, times: number): Samples {
  return Float32Array.from({ length: samples.length * times }, (_, at) => samples[at % samples.length] ?? 0);
}

/** With white noise of so much power on top, as of a station that is not tuned in. */
export function noisy(samples: ArrayLike<number>, strength: number, random: () => number = Math.random): Samples {
  // evenly spread from −√3 to √3 has power 1
  return Float32Array.from(samples, (each) => each + strength * Math.sqrt(3) * (2 * random() - 1));
}

/** How far off a sound is: the root of the mean square of the difference. */
export function offBy(samples: ArrayLike<number>, target: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < target.length; at++) sum += ((samples[at] ?? 0) - (target[at] ?? 0)) ** 2;
  return target.length ? Math.sqrt(sum / target.length) : 0;
}

/** The part of a sound's power that the target explains: 1 where it is the target, at least 0. */
export function likeness(samples: ArrayLike<number>, target: ArrayLike<number>): number {
  const power = offBy(new Float32Array(target.length), target);
  return power > 0 ? Math.max(0, 1 - (offBy(samples, target) / power) ** 2) : 0;
}

/** The least and the most in each of so many columns, for drawing. */
export function envelope(samples: ArrayLike<number>, columns: number): [number, number][] {
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * samples.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * samples.length) / columns));
    let [least, most] = [Infinity, -Infinity];
    for (let at = from; at < to; at++) {
      least = Math.min(least, samples[at] ?? 0);
      most = Math.max(most, samples[at] ?? 0);
    }
    return [least, most];
  });
}

export function peak(samples: ArrayLike<number>): number {
  let most = 0;
  for (let at = 0; at < samples.length; at++) {
    const size = Math.abs(samples[at] ?? 0);
    if (Number.isFinite(size) && size > most) most = size;
  }
  return most;
}
