#include "recognise.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

#include <dlfcn.h>

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t wanted_rate = 16000;
constexpr const char *where = "apt install libpocketsphinx3 pocketsphinx-en-us, and set `model_path` to "
                              "/usr/share/pocketsphinx/model/en-us, or copy that to `resources/speech`";

lao::Unsupported missing(const std::string &reason) {
    return lao::Unsupported("speech cannot be recognised: " + reason + " (" + where + ")");
}

// A function of a library that stays loaded until the process ends.
template <class Function> Function *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (found == nullptr) {
        throw missing(std::string("it has no ") + name);
    }
    return reinterpret_cast<Function *>(found);
}

void *load(const char *name) {
    void *library = dlopen(name, RTLD_NOW | RTLD_GLOBAL); // the second of them looks for the first one's names
    if (library == nullptr) {
        const char *reason = dlerror();
        throw missing(reason != nullptr ? reason : name);
    }
    return library;
}

// The functions that are used; their types are those of the headers of sphinxbase and pocketsphinx.
struct Engine {
    void *base = load("libsphinxbase.so.3");
    void *front = load("libpocketsphinx.so.3");
    void (*set_log)(void *) = symbol<void(void *)>(base, "err_set_logfp");
    void *(*settings)(void *, const void *, int, ...) = symbol<void *(void *, const void *, int, ...)>(base,
                                                                                                       "cmd_ln_init");
    int (*free_settings)(void *) = symbol<int(void *)>(base, "cmd_ln_free_r");
    const void *(*known_settings)() = symbol<const void *()>(front, "ps_args");
    void *(*init)(void *) = symbol<void *(void *)>(front, "ps_init");
    int (*free)(void *) = symbol<int(void *)>(front, "ps_free");
    int (*renew)(void *, void *) = symbol<int(void *, void *)>(front, "ps_reinit");
    int (*rewind)(void *) = symbol<int(void *)>(front, "ps_start_stream");
    int (*start)(void *) = symbol<int(void *)>(front, "ps_start_utt");
    int (*process)(void *, const std::int16_t *, std::size_t, int,
                   int) = symbol<int(void *, const std::int16_t *, std::size_t, int, int)>(front, "ps_process_raw");
    int (*end)(void *) = symbol<int(void *)>(front, "ps_end_utt");
    const char *(*text)(void *, std::int32_t *) = symbol<const char *(void *, std::int32_t *)>(front, "ps_get_hyp");
    void *(*segments)(void *) = symbol<void *(void *)>(front, "ps_seg_iter");
    void *(*next)(void *) = symbol<void *(void *)>(front, "ps_seg_next");
    const char *(*word)(void *) = symbol<const char *(void *)>(front, "ps_seg_word");
    void (*frames)(void *, int *, int *) = symbol<void(void *, int *, int *)>(front, "ps_seg_frames");
};

const Engine &engine() {
    static const Engine loaded;
    return loaded;
}

std::string text_of(const char *text) { return text != nullptr ? text : ""; }

bool ends(const std::string &text, const std::string &with) {
    return text.size() >= with.size() && text.compare(text.size() - with.size(), with.size(), with) == 0;
}

std::string find(const std::vector<fs::path> &files, const fs::path &folder, const char *what,
                 const std::function<bool(const fs::path &, const std::string &)> &fits) {
    for (const fs::path &file : files) {
        if (fits(file, file.filename().string())) {
            return file.string();
        }
    }
    throw missing(folder.string() + " has no " + what);
}

// The files of a model: the folder of its sounds, its words in order, and how they are spoken.
struct ModelFiles {
    std::string sounds;
    std::string order;
    std::string words;

    explicit ModelFiles(const fs::path &folder) {
        std::error_code wrong;
        std::vector<fs::path> files;
        for (fs::directory_iterator at(folder, wrong), end; !wrong && at != end; at.increment(wrong)) {
            files.push_back(at->path());
        }
        if (wrong) {
            throw missing(folder.string() + ": " + wrong.message());
        }
        std::sort(files.begin(), files.end());
        sounds = find(files, folder, "folder with `mdef`", [](const fs::path &file, const std::string &) {
            std::error_code ignored;
            return fs::is_regular_file(file / "mdef", ignored);
        });
        order = find(files, folder, "language model (.lm.bin)", [](const fs::path &, const std::string &name) {
            return ends(name, ".lm.bin") && name.find("phone") == std::string::npos;
        });
        words = find(files, folder, "dictionary (.dict)",
                     [](const fs::path &, const std::string &name) { return ends(name, ".dict"); });
    }
};

} // namespace

Recogniser::Recogniser(const std::string &model) {
    const ModelFiles files{fs::path(model)};
    const Engine &of = engine();
    of.set_log(nullptr);
    void *settings = of.settings(nullptr, of.known_settings(), 1, "-hmm", files.sounds.c_str(), "-lm",
                                 files.order.c_str(), "-dict", files.words.c_str(), static_cast<char *>(nullptr));
    if (settings == nullptr) {
        throw missing("the engine refused its settings");
    }
    decoder_ = of.init(settings);
    of.free_settings(settings); // the decoder has its own share of it
    if (decoder_ == nullptr) {
        throw missing(model + " cannot be loaded");
    }
}

Recogniser::~Recogniser() { engine().free(decoder_); }

Utterance::Utterance(Recogniser &of) : of_(of) {
    // It gets used to a voice and a room; the next caller has others. No settings means those that it has.
    if (std::exchange(of.used_, true) && engine().renew(of.decoder_, nullptr) < 0) {
        throw lao::Failed("the recogniser does not start again");
    }
    // Times count from the start of a stream.
    if (engine().rewind(of.decoder_) < 0 || engine().start(of.decoder_) < 0) {
        throw lao::Failed("the recogniser does not start");
    }
    is_open_ = true;
}

Utterance::~Utterance() { close(); }

void Utterance::close() {
    if (is_open_) {
        is_open_ = false;
        engine().end(of_.decoder_);
    }
}

void Utterance::hear(const float *mono, std::size_t frames, std::uint32_t rate) {
    if (rate == wanted_rate) {
        process(mono, frames);
        return;
    }
    if (!converter_ || converted_from_ != rate) {
        converter_.emplace(rate, wanted_rate, 1);
        converted_from_ = rate;
    }
    std::vector<float> converted;
    converter_->push(mono, frames, converted);
    process(converted.data(), converted.size());
}

void Utterance::process(const float *mono, std::size_t frames) {
    std::vector<std::int16_t> samples(frames);
    std::transform(mono, mono + frames, samples.begin(),
                   [](float sample) { return static_cast<std::int16_t>(std::clamp(sample, -1.0f, 1.0f) * 32767); });
    samples_ += frames;
    if (engine().process(of_.decoder_, samples.data(), samples.size(), 0, 0) < 0) {
        throw lao::Failed("the recogniser refused the sound");
    }
}

double Utterance::seconds() const { return static_cast<double>(samples_) / wanted_rate; }

std::string Utterance::text() const { return text_of(engine().text(of_.decoder_, nullptr)); }

lao::JsonObject Utterance::finish() {
    if (converter_) {
        std::vector<float> rest;
        converter_->finish(rest);
        process(rest.data(), rest.size());
    }
    close();
    const Engine &of = engine();
    lao::JsonArray words;
    // An iterator is used until `next` gives null, which frees it.
    for (void *segment = of.segments(of_.decoder_); segment != nullptr; segment = of.next(segment)) {
        const std::string word = text_of(of.word(segment));
        if (word.empty() || word.find_first_of("<[+") == 0) {
            continue; // silence and noise
        }
        int start = 0;
        int end = 0;
        of.frames(segment, &start, &end);
        words.add(lao::JsonObject()
                      .set("word", word.substr(0, word.find('('))) // without which of several ways to say it
                      .set("start", start / 100.0)
                      .set("end", (end + 1) / 100.0));
    }
    return lao::JsonObject().set("text", text()).set("final", true).set("seconds", seconds()).set("words", words);
}
