import { ChevronLeft, ChevronRight, Download, Workflow, X } from 'lucide-react'

import type { Picture } from '@/domain/runs/selectors'
import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'
import { Modal } from '@/shared/ui/Modal'

interface Props {
  readonly pictures: readonly Picture[]
  readonly chosen: string
  readonly onChoose: (asset: string) => void
  readonly onOpenGraph: (run: string) => void
  readonly onClose: () => void
}

/** One picture as large as it fits; arrows go to its neighbours. */
export function PictureViewer({ pictures, chosen, onChoose, onOpenGraph, onClose }: Props) {
  const index = pictures.findIndex(({ output }) => output.asset.id === chosen)
  const picture = pictures[index]
  if (!picture) return null
  const { asset } = picture.output
  const go = (to: number) => {
    const next = pictures[to]
    if (next) onChoose(next.output.asset.id)
  }
  return (
    <Modal label={text.gallery.viewer} className="viewer" onClose={onClose}>
      <div
        className="viewer-body"
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') go(index - 1)
          if (event.key === 'ArrowRight') go(index + 1)
        }}
      >
        <header className="viewer-bar">
          <div className="viewer-caption">
            <strong>{asset.name}</strong>
            <span>
              {asset.width && asset.height ? text.nodes.sizeCaption(asset.width, asset.height) : ''}
            </span>
            <span>{text.gallery.made(formatTime(picture.run.created_at))}</span>
          </div>
          <button type="button" className="button" onClick={() => onOpenGraph(picture.run.id)}>
            <Workflow size={14} strokeWidth={1.75} aria-hidden />
            <span>{text.gallery.openGraph}</span>
          </button>
          <a className="button" href={asset.url} download={asset.name}>
            <Download size={14} strokeWidth={1.75} aria-hidden />
            <span>{text.gallery.download}</span>
          </a>
          <IconButton icon={X} label={text.gallery.close} onPress={onClose} />
        </header>
        <div className="viewer-stage">
          <IconButton
            icon={ChevronLeft}
            size={22}
            label={text.gallery.previous}
            isDisabled={index === 0}
            onPress={() => go(index - 1)}
          />
          <img data-testid="viewer-image" src={asset.url} alt={asset.name} />
          <IconButton
            icon={ChevronRight}
            size={22}
            label={text.gallery.next}
            isDisabled={index === pictures.length - 1}
            onPress={() => go(index + 1)}
          />
        </div>
      </div>
    </Modal>
  )
}

function formatTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}
