// Made by `make messages` from weightdesk/server/questions: do not edit.

export interface Numbers<T> {
  readonly data: T;
  readonly shape: readonly number[];
}

/** One row a unit; means are over examples, and over the places of a map. */
export interface Activity {
  readonly magnitude: Numbers<Float64Array>;
  readonly active: Numbers<Float64Array>;
  readonly by_class: Numbers<Float64Array>;
  readonly strongest: Numbers<Int32Array>;
  readonly peaks: Numbers<Float64Array>;
  readonly examples: number;
}

/** Which units are busy, for which classes, and what excites them most? */
export interface ActivityQuestion {
  readonly module: string;
  readonly step: number;
  readonly turns?: readonly string[];
}

/** Layers in the order in which they run; `examples` is how many are looked at. */
export interface Captured {
  readonly layers: readonly CapturedLayer[];
  readonly readings: readonly ReadingFacts[];
  readonly examples: number;
  readonly part: string;
}

/** A layer: `name` is its module's; of an embedding `units` are its directions. */
export interface CapturedLayer {
  readonly name: string;
  readonly kind: string;
  readonly units: number;
}

/** Which layers are there, and what can be read? */
export interface CapturedQuestion {
}

/** What is wrong, most certain first; `decided` is how many of the rules could tell. */
export interface Checkup {
  readonly title: string;
  readonly healthy: boolean;
  readonly last_step: number;
  readonly decided: number;
  readonly findings: readonly FindingFacts[];
  readonly undecided: readonly UndecidedFacts[];
  readonly rules: readonly RuleFacts[];
}

/** What is wrong with this training, as far as it is? */
export interface CheckupQuestion {
}

/** A comparison as of now; the best setting comes first. A table that there is nothing for is null. */
export interface Compared {
  readonly folder: string;
  readonly source: string;
  readonly verdict: string;
  readonly score: string | null;
  readonly part: string | null;
  readonly settings: readonly string[];
  readonly members: readonly MemberFacts[];
  readonly finals: ReadingTable | null;
  readonly contests: ReadingTable | null;
  readonly beginnings: ReadingTable | null;
  readonly signals: ReadingTable | null;
  readonly curves: readonly ReadingTable[];
  readonly weights: ReadingTable | null;
  readonly shrinkage: ReadingTable | null;
}

/** Which setting of the comparison is better? */
export interface ComparisonQuestion {
}

/** Something that happened at a step; `kind` says by which mark it is drawn, `message` what it is. */
export interface Event {
  readonly step: number;
  readonly kind: string;
  readonly message: string;
}

/** In the order of steps. */
export interface Events {
  readonly events: readonly Event[];
}

/** What happened in this training, and when? */
export interface EventsQuestion {
}

/** The numbers behind a finding, a row each; `limits` is NaN where a number stands alone. */
export interface EvidenceRows {
  readonly what: readonly string[];
  readonly values: Numbers<Float64Array>;
  readonly limits: Numbers<Float64Array>;
  readonly steps: readonly (readonly number[])[];
}

/** Some examples: `inputs` with the examples on axis 0, `targets` likewise, empty where there are none. */
export interface Examples {
  readonly inputs: Numbers<Float32Array>;
  readonly targets: Numbers<Float64Array>;
  readonly total: number;
}

/** What are these examples? */
export interface ExamplesQuestion {
  readonly start?: number;
  readonly count?: number;
}

/** Texts of some units, for each unit as many: those that excite it most first, then the weakest. */
export interface Excerpts {
  readonly texts: readonly (readonly ExcitingText[])[];
  readonly activations: Numbers<Float64Array>;
}

/** Which texts excite these units of a layer most, and which least? */
export interface ExcerptsQuestion {
  readonly layer: string;
  readonly first?: number;
  readonly count?: number;
  readonly each?: number;
  readonly step: number;
  readonly turns?: readonly string[];
}

/** A text, taken apart at the words that are `seen`. */
export interface ExcitingText {
  readonly example: number;
  readonly before: string;
  readonly seen: string;
  readonly after: string;
}

/** A finding; `because` is the rule of the finding that explains it. */
export interface FindingFacts {
  readonly rule: string;
  readonly message: string;
  readonly since: number;
  readonly confidence: number;
  readonly cause: string;
  readonly remedy: string;
  readonly where: readonly string[];
  readonly because: string | null;
  readonly evidence: EvidenceRows;
}

/** The rms of each gradient, in the order of the run's parameters; NaN where there was none. */
export interface Flow {
  readonly step: number | null;
  readonly gradients: Numbers<Float64Array>;
}

/** How large is the gradient of each parameter at this step? */
export interface FlowQuestion {
  readonly step: number;
}

/** One level of the tree: products of two factors, whose sum with `rest` is `total`. */
export interface Gradient {
  readonly step: number;
  readonly total: Numbers<Float64Array>;
  readonly rest: Numbers<Float64Array>;
  readonly others: number;
  readonly labels: readonly string[];
  readonly first: Numbers<Float64Array>;
  readonly second: Numbers<Float64Array>;
  readonly products: Numbers<Float64Array>;
  readonly opens: readonly boolean[];
  readonly classes: readonly string[];
  readonly pushes: Numbers<Float64Array>;
  readonly note: string;
}

/** Who pushes this weight, in the batch of the last step up to this one that is kept? */
export interface GradientQuestion {
  readonly parameter: string;
  readonly index: readonly number[];
  readonly step: number;
  readonly path?: readonly number[];
}

/** What changes while a run is written. */
export interface Growth {
  readonly status: string;
  readonly last_step: number | null;
  readonly snapshots: number;
}

/** Has the run grown? */
export interface GrowthQuestion {
}

/** The network with the turns, and without them as `before`, on one input; scores are of the probe set. */
export interface Heard {
  readonly outputs: Numbers<Float32Array>;
  readonly before: Numbers<Float32Array>;
  readonly layers: readonly LayerAnswer[];
  readonly scores: Scores | null;
}

/** What does the network say to an example, or to numbers of one's own, after these turns? */
export interface HeardQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
  readonly example?: number;
  readonly own?: readonly number[] | null;
  readonly patience?: number | null;
}

/** What became of this weight? */
export interface HistoryQuestion {
  readonly parameter: string;
  readonly index: readonly number[];
}

/** The change of the loss if each weight were zero, in the parameter's own shape; or those of each unit. */
export interface ImportanceOfWeights {
  readonly parameter: string;
  readonly values: Numbers<Float64Array>;
  readonly baseline: number | null;
  readonly error: number | null;
  readonly bound: number | null;
  readonly examples: number;
  readonly note: string;
}

/** What would the loss be without each weight, or without those of each unit, on the first examples? */
export interface ImportanceQuestion {
  readonly parameter: string;
  readonly step: number;
  readonly turns?: readonly string[];
  readonly level?: "weight" | "unit";
}

/** What a module gives for the input: one number a unit, or a map (height, width) of each. */
export interface LayerAnswer {
  readonly module: string;
  readonly shape: readonly number[];
  readonly values: Numbers<Float32Array>;
}

/** How did this parameter grow, and how large were its gradients and updates? */
export interface LayerQuestion {
  readonly parameter: string;
}

/** Some statistics of a parameter. */
export interface LayerStatistics {
  readonly series: readonly StatisticSeries[];
}

/** A training of a comparison; `said` is why it did not finish, `opens` whether it has a run. */
export interface MemberFacts {
  readonly name: string;
  readonly setting: string;
  readonly seed: number;
  readonly status: string;
  readonly said: string;
  readonly score: number | null;
  readonly loss: number | null;
  readonly opens: boolean;
}

/** One logged scalar, at the steps at which it was logged. */
export interface MetricSeries {
  readonly name: string;
  readonly steps: Numbers<Int32Array>;
  readonly values: Numbers<Float64Array>;
}

/** All logged scalars. */
export interface Metrics {
  readonly series: readonly MetricSeries[];
}

/** What did the training log? */
export interface MetricsQuestion {
}

/** A module of the network; its parameters are named after it. */
export interface ModuleFacts {
  readonly name: string;
  readonly kind: string;
}

/** The layers in the order in which they run; none where `reason` says why they cannot be told. */
export interface Network {
  readonly supported: boolean;
  readonly reason: string | null;
  readonly layers: readonly NetworkLayer[];
  readonly loss: "cross_entropy" | "mse" | null;
}

/** Numbers of a layer that are measured, not learned, as they were at the step. */
export interface NetworkBuffer {
  readonly name: string;
  readonly values: Numbers<Float32Array>;
}

/** A layer: `parameters` by their names in it, `settings` as one number, or one for each axis. */
export interface NetworkLayer {
  readonly name: string;
  readonly kind: string;
  readonly settings: Readonly<Record<string, readonly number[]>>;
  readonly parameters: Readonly<Record<string, string>>;
  readonly buffers: readonly NetworkBuffer[];
}

/** What does the network compute? Known of layers in a row, `nn.Sequential`, that are in the table. */
export interface NetworkQuestion {
  readonly step: number;
}

/** Of each unit the root of the sum of its squared weights. */
export interface Norms {
  readonly parameter: string;
  readonly values: Numbers<Float32Array>;
}

/** Which units of this parameter have the largest weights, without any turn? */
export interface NormsQuestion {
  readonly parameter: string;
  readonly step: number;
}

/** A run as of now; `notes` says what a file of it had to leave out, `comparison` where it belongs to. */
export interface Overview {
  readonly path: string;
  readonly status: string;
  readonly created: string;
  readonly recipe: string | null;
  readonly network: string | null;
  readonly seed: number | null;
  readonly optimizer: string | null;
  readonly steps: readonly number[];
  readonly gradient_steps: readonly number[];
  readonly last_step: number | null;
  readonly epoch_steps: number | null;
  readonly parameters: readonly ParameterFacts[];
  readonly modules: readonly ModuleFacts[];
  readonly metrics: readonly string[];
  readonly subject: SubjectFacts | null;
  readonly notes?: readonly string[];
  readonly comparison?: string | null;
}

/** What is this run, and how far is it? */
export interface OverviewQuestion {
}

/** A parameter of the network. */
export interface ParameterFacts {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly trainable: boolean;
}

/** The `strongest` first, the weakest behind them; `activations` are weighted sums z. */
export interface Patches {
  readonly examples: Numbers<Int32Array>;
  readonly inputs: Numbers<Float32Array>;
  readonly boxes: Numbers<Int32Array>;
  readonly activations: Numbers<Float64Array>;
  readonly strongest: number;
}

/** Which parts of which pictures excite this unit? */
export interface PatchesQuestion {
  readonly layer: string;
  readonly unit: number;
  readonly step: number;
  readonly turns?: readonly string[];
}

/** Units by channels, rows and columns; what each picture reaches, and the `strongest` real example. */
export interface Pictures {
  readonly values: Numbers<Float32Array>;
  readonly reached: Numbers<Float64Array>;
  readonly strongest: Numbers<Float64Array>;
}

/** What do the first units of a layer look for? */
export interface PicturesQuestion {
  readonly layer: string;
  readonly step: number;
  readonly turns?: readonly string[];
  readonly count?: number;
}

/** A map of `y` by `x`: of each output and, where asked for, of one unit. */
export interface Plane {
  readonly x: Numbers<Float32Array>;
  readonly y: Numbers<Float32Array>;
  readonly outputs: Numbers<Float32Array>;
  readonly probabilities: boolean;
  readonly unit: Numbers<Float32Array> | null;
}

/** What does the network, or a unit of it, say to each point of the plane after these turns? */
export interface PlaneQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
  readonly points?: number;
  readonly module?: string | null;
  readonly unit?: number;
}

/** Least and most of each column over all examples, as the network gets them; what is not finite aside. */
export interface Ranges {
  readonly low: Numbers<Float64Array>;
  readonly high: Numbers<Float64Array>;
  readonly scale: Numbers<Float64Array>;
  readonly mean: Numbers<Float64Array>;
}

/** Between which values does each input lie? */
export interface RangesQuestion {
}

/** Tables, the main one first. */
export interface Reading {
  readonly title: string;
  readonly tables: readonly ReadingTable[];
}

/** A column of a table: `words`, or where there are none `numbers`, NaN for what is missing. */
export interface ReadingColumn {
  readonly name: string;
  readonly bar: boolean;
  readonly words: readonly string[] | null;
  readonly numbers: Numbers<Float64Array>;
}

/** A reading that fits this network: what it is called, and what it is about. */
export interface ReadingFacts {
  readonly name: string;
  readonly title: string;
  readonly about: "network" | "layer" | "unit" | "example" | "word";
}

/** What do the weights say in this respect? */
export interface ReadingQuestion {
  readonly name: string;
  readonly step: number;
  readonly turns?: readonly string[];
  readonly layer?: string | null;
  readonly unit?: number | null;
  readonly example?: number;
  readonly word?: string | null;
}

/** A titled table: its first rows, of `rows` in all. */
export interface ReadingTable {
  readonly title: string;
  readonly note: string;
  readonly columns: readonly ReadingColumn[];
  readonly rows: number;
}

/** A rule: what it looks at, and from where on it speaks. */
export interface RuleFacts {
  readonly name: string;
  readonly looks_at: string;
  readonly threshold: string;
}

/** What would `desk.save` write after these turns? */
export interface SaveQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
}

/** The bytes of a safetensors file, and a name for it. */
export interface Saved {
  readonly name: string;
  readonly content: Numbers<Uint8Array>;
}

/** Loss and accuracy with the turns, and without them as `_before`. */
export interface Scores {
  readonly loss: number | null;
  readonly loss_before: number | null;
  readonly loss_error: number | null;
  readonly accuracy: number | null;
  readonly accuracy_before: number | null;
  readonly seen: number;
  readonly examples: number;
}

/** What are loss and accuracy on all examples? */
export interface ScoresQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
}

/** All moments in the order of time, in the target's own units, `rate` of them a second. */
export interface Sound {
  readonly outputs: Numbers<Float32Array>;
  readonly target: Numbers<Float32Array>;
  readonly rate: number;
  readonly tracks: readonly Track[];
}

/** What does the network make of the whole sound after these turns, and what should it? */
export interface SoundQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
}

/** Singular values of the parameter as a matrix, units by inputs, the largest first. */
export interface Spectrum {
  readonly values: Numbers<Float64Array>;
}

/** In how many directions does this layer act, and how strongly? */
export interface SpectrumQuestion {
  readonly parameter: string;
  readonly step: number;
  readonly turns?: readonly string[];
}

/** Counts of weights: a row a step, a column a bin. */
export interface Spread {
  readonly steps: Numbers<Int32Array>;
  readonly bins: Numbers<Int32Array>;
  readonly counts: Numbers<Int32Array>;
}

/** How did the distribution of these weights change? */
export interface SpreadQuestion {
  readonly parameter: string;
}

/** One statistic at every step where it was taken. */
export interface StatisticSeries {
  readonly kind: string;
  readonly column: string;
  readonly steps: Numbers<Int32Array>;
  readonly values: Numbers<Float64Array>;
}

/** What the network is judged by; `vocabulary` is how many tokens there are, where it takes tokens. */
export interface SubjectFacts {
  readonly part: string;
  readonly examples: number;
  readonly input_shape: readonly number[];
  readonly class_names: readonly string[];
  readonly input_names: readonly string[];
  readonly target_names: readonly string[];
  readonly vocabulary: number | null;
}

/** Losses of `first` by `second`, and at each of `steps` the two weights as they were recorded. */
export interface SurfaceMap {
  readonly first: Numbers<Float64Array>;
  readonly second: Numbers<Float64Array>;
  readonly losses: Numbers<Float64Array>;
  readonly exact: boolean;
  readonly now: readonly [number, number];
  readonly loss: number | null;
  readonly steps: Numbers<Int32Array>;
  readonly path: Numbers<Float64Array>;
}

/** What would the loss be for other values of two weights, after these turns? */
export interface SurfaceQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
  readonly names: readonly [string, string];
  readonly indices: readonly [readonly number[], readonly number[]];
  readonly spans?: readonly [readonly [number, number], readonly [number, number]] | null;
  readonly points?: number;
}

/** What would the loss be for other values of this weight, after these turns? */
export interface SweepQuestion {
  readonly parameter: string;
  readonly index: readonly number[];
  readonly step: number;
  readonly turns?: readonly string[];
}

/** Losses along a weight, with errors; 0 where they are exact. */
export interface Swept {
  readonly values: Numbers<Float64Array>;
  readonly losses: Numbers<Float64Array>;
  readonly errors: Numbers<Float64Array>;
  readonly exact: Numbers<Uint8Array>;
  readonly present: Numbers<Float64Array>;
  readonly lowest: Numbers<Float64Array>;
  readonly notes: readonly string[];
}

/** The strongest terms; their products, `rest` and `bias` add up to `z`, but for `remainder`. */
export interface Terms {
  readonly names: readonly string[];
  readonly inputs: Numbers<Float64Array>;
  readonly weights: Numbers<Float64Array>;
  readonly products: Numbers<Float64Array>;
  readonly sums: Numbers<Float64Array>;
  readonly others: number;
  readonly activation: string | null;
  readonly place: readonly number[];
  readonly note: string;
}

/** Why does this unit answer so to the input, after these turns? */
export interface TermsQuestion {
  readonly parameter: string;
  readonly unit: number;
  readonly step: number;
  readonly turns?: readonly string[];
  readonly example?: number;
  readonly own?: readonly number[] | null;
}

/** At most 256 × 256 numbers, and how far a finite weight of the whole matrix is from 0 at most. */
export interface Tile {
  readonly values: Numbers<Float32Array>;
  readonly largest: number;
}

/** What is there to see of a matrix, so many tiles from its top left? */
export interface TileQuestion {
  readonly parameter: string;
  readonly step: number;
  readonly turns?: readonly string[];
  readonly down?: number;
  readonly across?: number;
  readonly row?: number;
  readonly column?: number;
}

/** Numbers of tokens, and what each is called. */
export interface Tokens {
  readonly numbers: Numbers<Int32Array>;
  readonly names: readonly string[];
  readonly text: string;
  readonly note: string;
}

/** Which tokens are in a text, or what do these numbers stand for? */
export interface TokensQuestion {
  readonly text?: string | null;
  readonly numbers?: readonly number[] | null;
}

/** An input: `gain` is its weight where the network is one neuron, `planted` what made the target. */
export interface Track {
  readonly name: string;
  readonly gain: number | null;
  readonly planted: number | null;
}

/** A statistic at some of the recorded steps, spread evenly over them; of a module that of all in it. */
export interface Trend {
  readonly name: string;
  readonly kind: string;
  readonly column: string;
  readonly steps: Numbers<Int32Array>;
  readonly values: Numbers<Float64Array>;
  readonly warning: TrendWarning | null;
}

/** What the recorded statistics show to be wrong, in one line. */
export interface TrendWarning {
  readonly line: string;
  readonly severity: "severe" | "mild";
}

/** One for each name, in the order in which they were asked for. */
export interface Trends {
  readonly trends: readonly Trend[];
}

/** How did these parameters and modules fare? */
export interface TrendsQuestion {
  readonly names: readonly string[];
}

/** A rule that cannot tell from this recording, and what would let it. */
export interface UndecidedFacts {
  readonly rule: string;
  readonly needs: string;
}

/** Parts that add up to the move: `moved` is weight before, after, the move and the remainder. */
export interface Update {
  readonly step: number;
  readonly optimizer: string;
  readonly moved: Numbers<Float64Array>;
  readonly remainder_ulps: number;
  readonly names: readonly string[];
  readonly formulas: readonly string[];
  readonly numbers: readonly string[];
  readonly values: Numbers<Float64Array>;
  readonly notes: readonly string[];
}

/** Why did this weight move, in the last step up to this one of which that is known? */
export interface UpdateQuestion {
  readonly parameter: string;
  readonly index: readonly number[];
  readonly step: number;
}

/** The numbers of the examples that are given another class than their target's, in ascending order. */
export interface Verdicts {
  readonly wrong: Numbers<Int32Array>;
  readonly examples: number;
}

/** Which examples does the network get wrong after these turns? */
export interface VerdictsQuestion {
  readonly step: number;
  readonly turns?: readonly string[];
}

/** What a weight and its gradient were, at every step where that is known. */
export interface WeightHistory {
  readonly steps: Numbers<Int32Array>;
  readonly values: Numbers<Float64Array>;
  readonly gradient_steps: Numbers<Int32Array>;
  readonly gradients: Numbers<Float64Array>;
  readonly snapshots: Numbers<Int32Array>;
  readonly sampled: boolean;
}

/** The numbers in the parameter's own shape; of one unit without the first axis. */
export interface Weights {
  readonly values: Numbers<Float32Array>;
}

/** What are the weights of a parameter, after these turns? Gradients and updates know no turns. */
export interface WeightsQuestion {
  readonly parameter: string;
  readonly step: number;
  readonly what?: "weight" | "gradient" | "update";
  readonly turns?: readonly string[];
  readonly unit?: number | null;
}

/** What is being done, and the share of it that is done; both None while nothing is. */
export interface Working {
  readonly what: string | null;
  readonly share: number | null;
}

/** What is being done, and how far is it? */
export interface WorkingQuestion {
}

export interface Questions {
  activity: ActivityQuestion;
  captured: CapturedQuestion;
  checkup: CheckupQuestion;
  comparison: ComparisonQuestion;
  events: EventsQuestion;
  examples: ExamplesQuestion;
  excerpts: ExcerptsQuestion;
  flow: FlowQuestion;
  gradient: GradientQuestion;
  growth: GrowthQuestion;
  heard: HeardQuestion;
  history: HistoryQuestion;
  importance: ImportanceQuestion;
  layer: LayerQuestion;
  metrics: MetricsQuestion;
  network: NetworkQuestion;
  norms: NormsQuestion;
  overview: OverviewQuestion;
  patches: PatchesQuestion;
  pictures: PicturesQuestion;
  plane: PlaneQuestion;
  ranges: RangesQuestion;
  reading: ReadingQuestion;
  save: SaveQuestion;
  scores: ScoresQuestion;
  sound: SoundQuestion;
  spectrum: SpectrumQuestion;
  spread: SpreadQuestion;
  surface: SurfaceQuestion;
  sweep: SweepQuestion;
  terms: TermsQuestion;
  tile: TileQuestion;
  tokens: TokensQuestion;
  trends: TrendsQuestion;
  update: UpdateQuestion;
  verdicts: VerdictsQuestion;
  weights: WeightsQuestion;
  working: WorkingQuestion;
}

export interface Answers {
  activity: Activity;
  captured: Captured;
  checkup: Checkup;
  comparison: Compared;
  events: Events;
  examples: Examples;
  excerpts: Excerpts;
  flow: Flow;
  gradient: Gradient;
  growth: Growth;
  heard: Heard;
  history: WeightHistory;
  importance: ImportanceOfWeights;
  layer: LayerStatistics;
  metrics: Metrics;
  network: Network;
  norms: Norms;
  overview: Overview;
  patches: Patches;
  pictures: Pictures;
  plane: Plane;
  ranges: Ranges;
  reading: Reading;
  save: Saved;
  scores: Scores;
  sound: Sound;
  spectrum: Spectrum;
  spread: Spread;
  surface: SurfaceMap;
  sweep: Swept;
  terms: Terms;
  tile: Tile;
  tokens: Tokens;
  trends: Trends;
  update: Update;
  verdicts: Verdicts;
  weights: Weights;
  working: Working;
}

export const SETTLED: ReadonlySet<keyof Questions> = new Set(["activity", "captured", "examples", "excerpts", "heard", "importance", "network", "norms", "patches", "pictures", "plane", "ranges", "reading", "save", "scores", "sound", "spectrum", "sweep", "terms", "tile", "tokens", "verdicts", "weights"]);
