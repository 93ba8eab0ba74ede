import type { Host } from "../../hosts/host";
import type { TileQuestion } from "../../messages";
import { matrixOf, type Place, type Source, type Tile } from "./tile";

/** A matrix too large to have at hand: each tile is asked for. */
export class Fetched implements Source {
  readonly rows: number;
  readonly columns: number;

  constructor(
    private readonly host: Host,
    private readonly matrix: Pick<TileQuestion, "parameter" | "step" | "turns">,
    shape: readonly number[],
  ) {
    ({ rows: this.rows, columns: this.columns } = matrixOf(shape));
  }

  async tile({ down, across, row, column }: Place, signal: AbortSignal): Promise<Tile> {
    const { values, largest } = await this.host.ask("tile", { ...this.matrix, down, across, row, column }, signal);
    return { down, across, row, column, values: values.data, width: values.shape[1] ?? 0, most: largest };
  }
}
