#include "feed.h"

#include <lao/ext/stream.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "condition.h"

#define LOOK_NS 20000000 /* a waiting call looks at its cancel word this often */

struct lao__feed {
    lao__source_t source; /* first: the source is the feed */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    lao_value_t queue[LAO__FEED_QUEUE];
    uint32_t first;
    uint32_t count;
    bool ended;
    bool broken;
    bool stopped;
    bool told; /* that it is broken */
};

static bool is_over(const lao__flight_t *flight) {
    return lao__flight_cancelled(flight) != LAO__CANCEL_NONE || lao__now_ns() >= flight->deadline_ns;
}

static uint32_t pull(lao__source_t *source, lao_value_t *part, uint32_t flags, const lao__flight_t *flight) {
    lao__feed_t *feed = (lao__feed_t *)source;
    uint32_t answer = LAO_STREAM_STOP;
    bool over = false;
    pthread_mutex_lock(&feed->lock);
    while (feed->count == 0 && !feed->ended && !feed->stopped && (flags & LAO_STREAM_NO_WAIT) == 0 && !over) {
        lao__condition_wait(&feed->changed, &feed->lock, lao__now_ns() + LOOK_NS);
        over = is_over(flight);
    }
    if (over || feed->stopped) {
        answer = LAO_STREAM_STOP;
    } else if (feed->count > 0) {
        *part = feed->queue[feed->first];
        feed->first = (feed->first + 1) % LAO__FEED_QUEUE;
        feed->count--;
        answer = LAO_STREAM_CONTINUE;
        pthread_cond_broadcast(&feed->changed);
    } else if (feed->ended) {
        answer = feed->broken ? LAO_STREAM_ERROR : LAO_STREAM_STOP;
        feed->told = feed->broken;
    } else {
        answer = LAO_STREAM_WAIT;
    }
    pthread_mutex_unlock(&feed->lock);
    return answer;
}

lao__feed_t *lao__feed_create(void) {
    lao__feed_t *feed = calloc(1, sizeof *feed);
    if (feed != NULL) {
        feed->source.pull = pull;
        pthread_mutex_init(&feed->lock, NULL);
        lao__condition_init(&feed->changed);
    }
    return feed;
}

lao__source_t *lao__feed_source(lao__feed_t *feed) { return &feed->source; }

bool lao__feed_put(lao__feed_t *feed, lao_value_t *part) {
    bool wanted;
    pthread_mutex_lock(&feed->lock);
    while (feed->count == LAO__FEED_QUEUE && !feed->stopped) {
        lao__condition_wait(&feed->changed, &feed->lock, lao__now_ns() + LOOK_NS);
    }
    wanted = !feed->stopped;
    if (wanted) {
        feed->queue[(feed->first + feed->count) % LAO__FEED_QUEUE] = *part;
        feed->count++;
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_mutex_unlock(&feed->lock);
    if (!wanted) {
        lao__value_release(part);
    }
    return wanted;
}

void lao__feed_end(lao__feed_t *feed, bool broken) {
    pthread_mutex_lock(&feed->lock);
    feed->ended = true;
    feed->broken = broken;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
}

bool lao__feed_told(lao__feed_t *feed) {
    bool told;
    pthread_mutex_lock(&feed->lock);
    told = feed->told;
    pthread_mutex_unlock(&feed->lock);
    return told;
}

void lao__feed_stop(lao__feed_t *feed) {
    pthread_mutex_lock(&feed->lock);
    feed->stopped = true;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
}

void lao__feed_destroy(lao__feed_t *feed) {
    for (; feed->count > 0; feed->count--) {
        lao__value_release(&feed->queue[feed->first]);
        feed->first = (feed->first + 1) % LAO__FEED_QUEUE;
    }
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}
