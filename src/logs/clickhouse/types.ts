// What a column's type says about how it is read. Type names come from the server: they are looked at, never sent back.

export interface Column {
  readonly name: string;
  /** As DESCRIBE writes it: `Nullable(DateTime64(3, 'UTC'))`. */
  readonly type: string;
}

export type TypeKind = 'datetime' | 'datetime64' | 'integer' | 'float' | 'string' | 'map' | 'array' | 'json' | 'other';

/** The type without `Nullable` and `LowCardinality`, which change nothing for a reader but NULL. */
export function bareType(type: string): { readonly bare: string; readonly nullable: boolean } {
  let bare = type.trim();
  let nullable = false;
  for (let depth = 0; depth < 6; depth++) {
    const inner = /^(Nullable|LowCardinality)\(([\s\S]*)\)$/.exec(bare);
    if (inner === null) break;
    nullable ||= inner[1] === 'Nullable';
    bare = inner[2] ?? '';
  }
  return { bare, nullable };
}

/** How values of the type are read. */
export function typeKind(type: string): TypeKind {
  const { bare } = bareType(type);
  if (bare.startsWith('DateTime64')) return 'datetime64';
  if (bare.startsWith('DateTime')) return 'datetime';
  if (/^U?Int(8|16|32|64)$/.test(bare)) return 'integer';
  if (/^(Float|Decimal)/.test(bare)) return 'float';
  if (/^(String|FixedString|Enum)/.test(bare)) return 'string';
  if (bare.startsWith('Map(')) return 'map';
  if (bare.startsWith('Array(')) return 'array';
  if (/^(JSON|Object)/.test(bare)) return 'json';
  return 'other';
}

/** Whether the type is a moment by itself. */
export function isTimeType(type: string): boolean {
  return typeKind(type).startsWith('datetime');
}
