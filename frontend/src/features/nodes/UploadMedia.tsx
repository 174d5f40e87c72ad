import { ImageUp, LoaderCircle } from 'lucide-react'
import { useRef, useState, type DragEvent } from 'react'

import { mediaHeight, type NodeForm } from '@/domain/catalog/form'
import { setParam } from '@/domain/document/operations'
import type { GraphNode } from '@/domain/graph/types'
import { findUpload, useUploads, useUploadPicture } from '@/features/gallery'
import { useCatalog, useSession } from '@/features/session'
import { text } from '@/shared/messages'

interface Props {
  readonly node: GraphNode
  readonly form: NodeForm
}

/** The picture that a node loads, with a place to drop or choose another. */
export function UploadMedia({ node, form }: Props) {
  const { document } = useSession()
  const input = useCatalog()
    .types.get(node.type)
    ?.inputs.find((each) => each.upload)
  const uploads = useUploads()
  const upload = useUploadPicture()
  const chooser = useRef<HTMLInputElement>(null)
  const [isBusy, setIsBusy] = useState(false)
  if (!input) return null

  const value = node.params[input.name]
  const asset = findUpload(uploads, typeof value === 'string' ? value : '')
  const take = async (file: File | undefined) => {
    if (!file) return
    setIsBusy(true)
    const uploaded = await upload(file)
    setIsBusy(false)
    if (uploaded) setParam(document, { node: node.id, input: input.name }, uploaded.name)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    event.stopPropagation()
    void take(event.dataTransfer.files[0])
  }
  const aspect = asset?.width && asset.height ? asset.width / asset.height : null
  return (
    <div
      className="node-media"
      style={{ height: mediaHeight(form, aspect) }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      {asset && (
        <img
          data-testid="node-upload"
          className="node-picture"
          src={asset.url}
          alt={text.nodes.loaded(asset.name)}
          draggable={false}
        />
      )}
      <button
        type="button"
        className="node-media-upload nodrag"
        data-empty={asset === null}
        disabled={isBusy}
        onClick={() => chooser.current?.click()}
      >
        {isBusy ? (
          <LoaderCircle className="spinning" size={16} aria-hidden />
        ) : (
          <ImageUp size={16} strokeWidth={1.75} aria-hidden />
        )}
        <span>{isBusy ? text.nodes.uploading : text.nodes.upload}</span>
      </button>
      <input
        ref={chooser}
        type="file"
        accept="image/*"
        hidden
        aria-label={text.nodes.upload}
        onChange={(event) => {
          void take(event.target.files?.[0])
          event.target.value = ''
        }}
      />
    </div>
  )
}
