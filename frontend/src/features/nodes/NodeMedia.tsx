import { mediaHeight, type NodeForm } from '@/domain/catalog/form'
import type { GraphNode } from '@/domain/graph/types'
import { useNodePreview, useNodeResult } from '@/features/runs'
import { text } from '@/shared/messages'

import { ResultMedia } from './ResultMedia'
import { UploadMedia } from './UploadMedia'

interface Props {
  readonly node: GraphNode
  readonly form: NodeForm
  readonly title: string
}

/** The picture on a node: the live preview, else what came out, else what goes in. */
export function NodeMedia({ node, form, title }: Props) {
  const preview = useNodePreview(node.id)
  const results = useNodeResult(node.id)
  if (preview) {
    const { url, width, height } = preview
    return (
      <div className="node-media" style={{ height: mediaHeight(form, width / height) }}>
        <img
          data-testid="node-preview"
          className="node-picture node-picture-live"
          src={url}
          alt={text.nodes.preview(title)}
          draggable={false}
        />
      </div>
    )
  }
  if (form.media === 'upload') return <UploadMedia node={node} form={form} />
  if (results.length > 0 || form.media === 'result') {
    return <ResultMedia form={form} title={title} results={results} />
  }
  return null
}
