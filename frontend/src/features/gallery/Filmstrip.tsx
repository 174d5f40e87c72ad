import { recentPictures } from '@/domain/runs/selectors'
import { useRuns } from '@/features/runs'
import { text } from '@/shared/messages'

import { useViewer } from './viewer'

/** Recent pictures of the workspace, newest first. */
export function Filmstrip() {
  const pictures = recentPictures(useRuns((state) => state.runs))
  const viewer = useViewer()
  return (
    <section className="filmstrip" aria-label={text.gallery.label}>
      {pictures.length === 0 && <p className="filmstrip-empty">{text.gallery.empty}</p>}
      {pictures.map(({ output: { asset } }) => (
        <button
          key={asset.id}
          type="button"
          className="filmstrip-item"
          data-testid="filmstrip-item"
          aria-label={text.gallery.openPicture(asset.name)}
          title={asset.name}
          onClick={() => viewer.open(asset.id)}
        >
          <img src={asset.url} alt="" loading="lazy" draggable={false} />
        </button>
      ))}
    </section>
  )
}
