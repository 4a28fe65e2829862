import { AuditTrail } from '../src/audit/audit-trail.js';

/** The API as it would be if nothing were recorded. */
AuditTrail.prototype.transaction = function (this: { em: import('@mikro-orm/postgresql').EntityManager }, _, change) {
  return this.em.fork().transactional((em) => change({ em, record: () => undefined }));
};
await import('../src/main.js');
