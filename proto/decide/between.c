/* Which of two answers counts, where a store may know less than the copy from before. */
#include "proto/decide/decide.h"

static bool is_word(const struct answer *answer)
{
    return answer->reason == REASON_OVERRIDE;
}

int64_t decide_latest_override_s(const struct decide_facts *facts)
{
    int64_t latest = 0;

    for (size_t i = 0; i < facts->override_count; i++) {
        if (facts->overrides[i]->created_at > latest)
            latest = facts->overrides[i]->created_at;
    }
    return latest;
}

bool decide_prefers_kept(const struct answer *kept, int64_t kept_word_at, const struct answer *now,
                         int64_t now_word_at)
{
    if (is_word(kept) || is_word(now))
        return is_word(kept) && (!is_word(now) || kept_word_at >= now_word_at);
    if (kept->allow)
        return true;
    return kept->reason != REASON_NOT_SUBSCRIBED &&
           (!now->allow || now->verified_at <= kept->verified_at);
}

bool decide_is_known(const struct answer *answer, int64_t since_s)
{
    return answer->allow || is_word(answer) || answer->verified_at >= since_s;
}
