import type { FindingFacts } from "../messages";
import type { Layer } from "../model/layers";

/** The layer that a place of a finding lies in; none for what is no part of the network, such as the loss. */
export function layerAt(where: string, layers: readonly Layer[]): Layer | null {
  const is = ({ name, weight, bias }: Layer): boolean => [name, weight.name, bias?.name].includes(where);
  return layers.find(is) ?? layers.find(({ weight }) => weight.name.startsWith(`${where}.`)) ?? null;
}

/** Findings, each behind the one that explains it, and how many explanations lie before it. */
export function chained(findings: readonly FindingFacts[]): { finding: FindingFacts; depth: number }[] {
  const known = new Set(findings.map(({ rule }) => rule));
  const told = new Set<string>();
  const found: { finding: FindingFacts; depth: number }[] = [];
  const tell = (finding: FindingFacts, depth: number): void => {
    if (told.has(finding.rule)) return;
    told.add(finding.rule);
    found.push({ finding, depth });
    for (const each of findings) if (each.because === finding.rule) tell(each, depth + 1);
  };
  for (const each of findings) if (each.because === null || !known.has(each.because)) tell(each, 0);
  for (const each of findings) tell(each, 0); // two that explain each other have no beginning
  return found;
}
