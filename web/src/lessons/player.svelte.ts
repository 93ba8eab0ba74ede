import { resampled, type Samples } from "./audio";

const FADE = 0.03; // seconds, so that nothing clicks

/** One sound at a time, over and over; silent until somebody clicks. */
export class Player {
  playing = $state<string | null>(null);
  failed = $state(false);

  #context: AudioContext | null = null;
  #source: { node: AudioBufferSourceNode; level: GainNode } | null = null;
  #began = 0;

  /** Begin; call it only from a click or a key. */
  start(name: string): void {
    try {
      this.#context ??= new AudioContext();
      void this.#context.resume();
      if (this.playing === null) this.#began = this.#context.currentTime;
      this.playing = name;
      this.failed = false;
    } catch {
      this.failed = true;
    }
  }

  /** What is to be heard now, from where the last sound is; nothing before `start`. */
  hear(samples: ArrayLike<number>, rate: number): void {
    const context = this.#context;
    if (!context || this.playing === null || !samples.length) return;
    const sound: Samples = resampled(samples, rate, context.sampleRate);
    const buffer = context.createBuffer(1, sound.length, context.sampleRate);
    buffer.copyToChannel(sound, 0);
    const [node, level] = [context.createBufferSource(), context.createGain()];
    node.buffer = buffer;
    node.loop = true;
    level.gain.setValueAtTime(0, context.currentTime);
    level.gain.linearRampToValueAtTime(1, context.currentTime + FADE);
    node.connect(level).connect(context.destination);
    node.start(0, (context.currentTime - this.#began) % buffer.duration);
    this.#fade();
    this.#source = { node, level };
  }

  stop(): void {
    this.#fade();
    this.playing = null;
  }

  /** For good, with the component that it belongs to. */
  close(): void {
    this.stop();
    void this.#context?.close();
    this.#context = null;
  }

  #fade(): void {
    if (!this.#context || !this.#source) return;
    const { node, level } = this.#source;
    const end = this.#context.currentTime + FADE;
    level.gain.cancelScheduledValues(this.#context.currentTime);
    level.gain.setValueAtTime(level.gain.value, this.#context.currentTime);
    level.gain.linearRampToValueAtTime(0, end);
    node.stop(end);
    this.#source = null;
  }
}
