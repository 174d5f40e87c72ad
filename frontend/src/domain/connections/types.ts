// Which socket types fit each other.

const ANY = '*'

/** Equal, or one of them takes anything, or their comma-separated lists share a member; case does not count. */
export function areTypesCompatible(a: string, b: string): boolean {
  if (a === ANY || b === ANY || a === '' || b === '') return true
  const right = new Set(membersOf(b))
  return membersOf(a).some((member) => right.has(member))
}

function membersOf(type: string): readonly string[] {
  return type.split(',').map((member) => member.trim().toUpperCase())
}
