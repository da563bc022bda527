import type { RelationGraph } from '../api/types'

type Edge = RelationGraph['edges'][number]

/** "王*兰 是 桂城面包有限公司 的法定代表人，2019-01-01 起". */
export function roleSentence(edge: Edge, names: ReadonlyMap<string, string>): string {
  const principal = names.get(edge.principal) ?? edge.principal
  const enterprise = names.get(edge.enterprise) ?? edge.enterprise
  const until = edge.valid_to ? ` 至 ${edge.valid_to}` : ' 起'
  return `${principal} 是 ${enterprise} 的${edge.role_name}，${edge.valid_from}${until}`
}

/** A name to stand under a node. The end stays: a branch is told from its enterprise by nothing else. */
export function shortName(name: string): string {
  return name.length > 14 ? `${name.slice(0, 6)}…${name.slice(-5)}` : name
}
