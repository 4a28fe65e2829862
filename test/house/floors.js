import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';

/**
 * The rooms of the house: folders of src and consumer, and each file that lies loose in src. Prints which room imports which, type imports too:
 *   node test/house/floors.js            as text, from the top floor down
 *   node test/house/floors.js --mermaid  as a Mermaid diagram
 */

const IMPORT = /(?:from|import) '(\.[^']+)'|import\('(\.[^']+)'\)/g;

const sources = ['src', 'consumer'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')),
);

const roomOf = (path) => (dirname(path) === 'src' ? path : dirname(path));

/** For each room, the rooms that it imports, with the imports as `from → to`. */
export function readRooms() {
  const rooms = new Map(sources.map((path) => [roomOf(path), new Map()]));
  for (const from of sources) {
    for (const [, named, dynamic] of readFileSync(from, 'utf8').matchAll(IMPORT)) {
      const to = normalize(join(dirname(from), named ?? dynamic)).replace(/\.js$/, '.ts');
      if (!sources.includes(to) || roomOf(to) === roomOf(from)) continue;
      const imported = rooms.get(roomOf(from));
      imported.set(roomOf(to), [...(imported.get(roomOf(to)) ?? []), `${from} → ${to}`]);
    }
  }
  return rooms;
}

/** Floors from the lowest up: a room stands above all that it imports. Rooms in a circle stand on none. */
export function floorsOf(rooms) {
  const floors = [];
  const placed = new Set();
  for (;;) {
    const floor = [...rooms.keys()].filter(
      (room) => !placed.has(room) && [...rooms.get(room).keys()].every((below) => placed.has(below)),
    );
    if (floor.length === 0) return { floors, inCircles: [...rooms.keys()].filter((room) => !placed.has(room)) };
    floors.push(floor.sort());
    for (const room of floor) placed.add(room);
  }
}

function print() {
  const rooms = readRooms();
  const { floors, inCircles } = floorsOf(rooms);
  const count = (room) => sources.filter((path) => roomOf(path) === room).length;
  if (argv.includes('--mermaid')) {
    const id = (room) => room.replace(/\W/g, '_');
    const below = (room) => [...rooms.get(room).keys()].map((other) => `  ${id(room)} --> ${id(other)}`);
    const names = [...rooms.keys()].map((room) => `  ${id(room)}["${room}"]`);
    console.log(['flowchart TB', ...names, ...[...rooms.keys()].flatMap(below)].join('\n'));
    return;
  }
  for (const [index, floor] of [...floors.entries()].reverse()) {
    console.log(`floor ${index}`);
    for (const room of floor)
      console.log(`  ${room} (${count(room)}) → ${[...rooms.get(room).keys()].sort().join(', ') || 'nothing'}`);
  }
  console.log(`${rooms.size} rooms, ${floors.length} floors, in circles: ${inCircles.join(', ') || 'none'}`);
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) print();
