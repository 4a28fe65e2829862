import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';
import { announce } from './ready.js';

/**
 * The fastest way to GraphQL on Node.js: Mercurius with its JIT, and `pg` with named statements; written by hand, and
 * without accounts, rules, limits and masks.
 */
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const schema = `
  type Query { me: User user(id: ID!): User users(first: Int = 20, after: String): Users! }
  type Users { nodes: [User!]! pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type User { id: ID! email: String! name: String! role: Role! }
  type Role { name: String! }
`;
const FIELDS = `select u.id, u.email, u.name, u.created_at, r.name as role from users u join roles r on r.id = u.role_id`;
const ONE = { name: 'one', text: `${FIELDS} where u.id = $1` };
const FIRST = {
  name: 'first',
  text: `${FIELDS} where u.deleted_at is null order by u.created_at desc, u.id desc limit $1`,
};
const AFTER = {
  name: 'after',
  text: `${FIELDS} where u.deleted_at is null and (u.created_at, u.id) < ($2, $3)
    order by u.created_at desc, u.id desc limit $1`,
};

const toUser = ({ id, email, name, role }) => ({ id, email, name, role: { name: role } });
const encode = ({ created_at, id }) => Buffer.from(`${created_at.toISOString()} ${id}`).toString('base64url');
const decode = (cursor) => Buffer.from(cursor, 'base64url').toString().split(' ');

async function one(id) {
  const { rows } = await database.query({ ...ONE, values: [id] });
  return rows.length > 0 ? toUser(rows[0]) : null;
}

const resolvers = {
  Query: {
    me: () => one(process.env.ME),
    user: (_, { id }) => one(id),
    async users(_, { first, after }) {
      const query = after ? { ...AFTER, values: [first + 1, ...decode(after)] } : { ...FIRST, values: [first + 1] };
      const { rows } = await database.query(query);
      const page = rows.slice(0, first);
      const last = page.at(-1);
      return {
        nodes: page.map(toUser),
        pageInfo: { hasNextPage: rows.length > first, endCursor: last ? encode(last) : null },
      };
    },
  },
};

const app = Fastify();
await app.register(mercurius, { schema, resolvers, jit: 1, graphiql: false });
announce(await app.listen({ host: '127.0.0.1', port: 0 }));
