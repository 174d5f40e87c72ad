import { text } from '@/shared/messages'

import { thumbnailOf, useExamples, useOpenExample } from './examples'

/** Graphs to start from, each shown by a picture that it made. */
export function ExampleList({ onOpened }: { readonly onOpened: () => void }) {
  const examples = useExamples()
  const openExample = useOpenExample()
  if (examples.length === 0) return null
  return (
    <section className="examples" aria-label={text.examples.label}>
      <h3>{text.examples.label}</h3>
      <ul>
        {examples.map((example) => {
          const { title, detail } = text.examples.items[example.id]
          return (
            <li key={example.id}>
              <button
                type="button"
                aria-label={text.examples.open(title)}
                onClick={() => void openExample(example).then(onOpened)}
              >
                <img src={thumbnailOf(example)} alt="" width={128} height={128} />
                <strong>{title}</strong>
                <small>{detail}</small>
              </button>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
