export {
  createGatehouse,
  Gatehouse,
  type GatehouseOptions,
  type GatehouseUser,
  type KeptTokens,
  type TokenStore,
} from './client.js';
export { type AnswerError, type GatehouseCode, GatehouseError } from './errors.js';
export type * from './schema.js';
