import { ChevronLeft, ChevronRight, ImageIcon } from 'lucide-react'
import { useState } from 'react'

import { mediaHeight, type NodeForm } from '@/domain/catalog/form'
import type { RunOutput } from '@/domain/runs/wire'
import { useViewer } from '@/features/gallery'
import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'

interface Props {
  readonly form: NodeForm
  readonly title: string
  readonly results: readonly RunOutput[]
}

/** What came out at a node; several pictures are leafed through. A click opens the viewer. */
export function ResultMedia({ form, title, results }: Props) {
  const viewer = useViewer()
  const [chosen, setChosen] = useState(0)
  const index = Math.min(chosen, results.length - 1)
  const asset = results[index]?.asset
  if (!asset) {
    return (
      <div className="node-media node-media-empty" style={{ height: mediaHeight(form, null) }}>
        <ImageIcon size={20} strokeWidth={1.5} aria-hidden />
        <span>{text.nodes.noResult}</span>
      </div>
    )
  }
  const aspect = asset.width && asset.height ? asset.width / asset.height : 1
  return (
    <div className="node-media" style={{ height: mediaHeight(form, aspect) }}>
      <button
        type="button"
        className="node-media-open nodrag"
        aria-label={text.nodes.open}
        title={text.nodes.open}
        onClick={() => viewer.open(asset.id)}
      >
        <img
          data-testid="node-result"
          className="node-picture"
          src={asset.url}
          alt={text.nodes.result(title)}
          draggable={false}
        />
      </button>
      <div className="node-media-bar">
        {asset.width && asset.height && (
          <span>{text.nodes.sizeCaption(asset.width, asset.height)}</span>
        )}
        {results.length > 1 && (
          <span className="node-media-pages">
            <IconButton
              icon={ChevronLeft}
              size={14}
              label={text.gallery.previous}
              isDisabled={index === 0}
              onPress={() => setChosen(index - 1)}
            />
            {text.nodes.pages(index + 1, results.length)}
            <IconButton
              icon={ChevronRight}
              size={14}
              label={text.gallery.next}
              isDisabled={index === results.length - 1}
              onPress={() => setChosen(index + 1)}
            />
          </span>
        )}
      </div>
    </div>
  )
}
