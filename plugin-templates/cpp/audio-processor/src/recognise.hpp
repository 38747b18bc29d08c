// Speech to text by PocketSphinx 0.8 (`libpocketsphinx.so.3`), which is loaded when it is first asked for.
#ifndef RECOGNISE_HPP
#define RECOGNISE_HPP

#include <optional>
#include <string>

#include "resample.hpp"

class Recogniser {
  public:
    // `model`: a folder. Throws Unsupported where the library or the model is missing, and says what to install.
    explicit Recogniser(const std::string &model);
    ~Recogniser();
    Recogniser(const Recogniser &) = delete;
    Recogniser &operator=(const Recogniser &) = delete;

  private:
    friend class Utterance;
    void *decoder_ = nullptr;
    bool used_ = false;
};

// One stretch of speech, of which the recogniser hears part after part; one at a time.
class Utterance {
  public:
    explicit Utterance(Recogniser &of);
    ~Utterance();
    Utterance(const Utterance &) = delete;
    Utterance &operator=(const Utterance &) = delete;

    void hear(const float *mono, std::size_t frames, std::uint32_t rate);
    double seconds() const; // that were heard
    std::string text() const;
    // Ends it: its text, and its words with their times.
    lao::JsonObject finish();

  private:
    void process(const float *mono, std::size_t frames);
    void close();

    Recogniser &of_;
    std::optional<Converter> converter_;
    std::uint32_t converted_from_ = 0;
    bool is_open_ = false;
    std::size_t samples_ = 0;
};

#endif
