import type { Operations } from "../../core/binding.ts";
import type { Json } from "../../core/op.ts";
import type { Prng } from "../../core/prng.ts";

/** Two hours: the length of the film that everybody watches. */
const MEDIA_MS = 7_200_000;

/** Well inside of what servers take (0.25 to 4). */
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;

const MEDIA = [
  ["https://media.example/clip.mp4", "video/mp4"],
  ["https://media.example/film.webm", "video/webm"],
  ["https://media.example/song.mp3", "audio/mpeg"],
  ["https://media.example/live.m3u8", "application/vnd.apple.mpegurl"],
] as const;

/**
 * What people in front of a player do. Each write carries the position too, as players send it, so that the marker's
 * sum covers it. All are marked when they go out, and a marker sets `mediaUrl`: those that name no media play the default.
 */
const MAKERS: Readonly<Record<string, (prng: Prng) => Json>> = {
  play: (prng) => ({ isPlaying: true, currentTime: prng.below(MEDIA_MS) }),
  pause: (prng) => ({ isPlaying: false, currentTime: prng.below(MEDIA_MS) }),
  seek: (prng) => ({ currentTime: prng.below(MEDIA_MS) }),
  rate: (prng) => ({ playbackSpeed: prng.pick(SPEEDS), currentTime: prng.below(MEDIA_MS) }),
  media: (prng) => {
    const [mediaUrl, mediaType] = prng.pick(MEDIA);
    return { mediaUrl, mediaType, isPlaying: false, currentTime: 0, playbackSpeed: 1 };
  },
};

/** Seeking is what people do most; a change of media is rare. */
export const operations: Operations = {
  mix: { play: 3, pause: 3, seek: 5, rate: 1, media: 1 },
  make: (name, prng) => {
    const maker = Object.hasOwn(MAKERS, name) ? MAKERS[name] : undefined;
    if (maker === undefined) throw new RangeError(`playback has no operation "${name}"; there are ${Object.keys(MAKERS).join(", ")}`);
    return maker(prng);
  },
};
