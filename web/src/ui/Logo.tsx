/** The sign of the house, drawn in place: an image of its own is a document that the browser opens. */
export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#3442b8" />
      <path d="M8 24v-6h4v6zM14 24V13h4v11zM20 24V8h4v16z" fill="#fff" />
    </svg>
  )
}
