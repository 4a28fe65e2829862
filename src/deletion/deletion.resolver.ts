import { Arg, Ctx, Directive, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { type Context, requireViewer } from '../request/context.js';
import { DataExport } from './data-export.payload.js';
import { Deletion, DeletionReceipt, DeletionStatus } from './deletion.entity.js';
import type { DeletionService } from './deletion.service.js';
import { ErasureAcknowledged } from './erasure-acknowledged.payload.js';

@Resolver(() => Deletion)
export class DeletionResolver {
  constructor(private readonly deletions: DeletionService) {}

  @Directive('@auth(requires: ADMIN)')
  @Directive('@errors(codes: [BAD_USER_INPUT])')
  @Query(() => Deletion, {
    nullable: true,
    description: 'Where the deletion of an account stands; null for one that is open, or not there.',
  })
  userDeletion(@Arg('id', () => ID) id: string) {
    return this.deletions.find(id);
  }

  @Directive('@auth(requires: SIGNED_IN)')
  @Directive('@cost(weight: "100")')
  @Mutation(() => DataExport, { description: 'Everything that is held about the signed-in user.' })
  async exportMyData(@Ctx() context: Context): Promise<DataExport> {
    const viewer = requireViewer(context);
    const data = await this.deletions.exportOf(viewer);
    return { userId: viewer.userId, generatedAt: new Date(), data };
  }

  @Directive('@auth(requires: PUBLIC)')
  @Directive('@errors(codes: [INVALID_TOKEN, CONFLICT])')
  @Mutation(() => ErasureAcknowledged, {
    description:
      'For participants: that they have erased what they held about a user, signed with their secret. Doing it twice changes nothing.',
  })
  acknowledgeErasure(@Arg('acknowledgement', () => String) acknowledgement: string) {
    return this.deletions.acknowledge(acknowledgement);
  }

  @FieldResolver(() => DeletionStatus)
  status(@Root() deletion: Deletion) {
    return this.deletions.statusOf(deletion);
  }

  @Directive('@listSize(assumedSize: 10)')
  @FieldResolver(() => [DeletionReceipt], { description: 'One for each step, by name; none before the purge begins.' })
  receipts(@Root() { userId }: Deletion) {
    return this.deletions.receiptsOf(userId);
  }
}
