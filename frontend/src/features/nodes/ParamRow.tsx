import { Link2 } from 'lucide-react'

import type { FormRow } from '@/domain/catalog/form'
import type { InputType } from '@/domain/catalog/types'
import { setParam } from '@/domain/document/operations'
import type { GraphNode } from '@/domain/graph/types'
import { useCatalog, useGraphPart, useLinkInto, useSession } from '@/features/session'
import { text } from '@/shared/messages'

import { Widget } from './widgets/Widget'

interface Props {
  readonly node: GraphNode
  readonly row: FormRow
  readonly input: InputType
  readonly fault: string | null
}

/** An input that can be edited. A link takes the editor's place and leaves its value as it was. */
export function ParamRow({ node, row, input, fault }: Props) {
  const { document, undo } = useSession()
  const link = useLinkInto(node.id, input.name)
  const isPrompt = row.kind === 'prompt'
  return (
    <div
      className={`node-row ${isPrompt ? 'node-row-prompt' : 'node-row-param'}`}
      data-fault={fault !== null || undefined}
      style={{ height: row.height }}
    >
      <span className="param-label" title={fault ?? input.tooltip ?? input.name}>
        {input.name}
      </span>
      {link ? (
        <LinkedValue source={link.source} />
      ) : (
        <Widget
          kind={row.kind}
          node={node.id}
          input={input}
          value={node.params[input.name] ?? null}
          hasFault={fault !== null}
          onChange={(value) => setParam(document, { node: node.id, input: input.name }, value)}
          onCommit={undo.seal}
        />
      )}
      {fault !== null && (
        <p className="row-fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  )
}

function LinkedValue({ source }: { readonly source: string }) {
  const catalog = useCatalog()
  const node = useGraphPart((graph) => graph.nodes.get(source))
  const title = node?.title ?? catalog.types.get(node?.type ?? '')?.title ?? node?.type ?? source
  return (
    <span className="linked-value">
      <Link2 size={12} aria-hidden />
      {text.nodes.fromLink(title)}
    </span>
  )
}
