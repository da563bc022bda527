import { NodeTypes, type NodeTransform } from '@vue/compiler-core'

/**
 * Templates say `role="button" tabindex="0"`, as a browser wants it. WeChat reads `aria-role` and has no tab order,
 * so its build is given that; a browser never sees `aria-role`, which it would count as a mistake.
 */
export const weixinRoles: NodeTransform = (node) => {
  if (node.type !== NodeTypes.ELEMENT) return
  node.props = node.props.filter((prop) => prop.type !== NodeTypes.ATTRIBUTE || prop.name !== 'tabindex')
  for (const prop of node.props) {
    if (prop.type === NodeTypes.ATTRIBUTE && prop.name === 'role') prop.name = 'aria-role'
  }
}
