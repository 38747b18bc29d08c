// The plugin: its capabilities, its configuration, and what connects them to text.cpp.
#include <lao/lao.hpp>

#include "text.hpp"

namespace {

// One instance: its settings, which never change, so that any number of calls may run at the same time.
class Basic {
  public:
    explicit Basic(const lao::Config &config)
        : max_length_(config.integer("max_length")), prefix_(config.text("prefix")) {}

    std::string process(std::string_view input, const lao::Call &call) const {
        check(input);
        return prefix_ + text::change(call.text("mode"), call.boolean("trim") ? text::trim(input) : input);
    }

    lao::JsonObject analyze(std::string_view input) const {
        check(input);
        const text::Counts counts = text::count(input);
        return lao::JsonObject()
            .set("bytes", counts.bytes)
            .set("characters", counts.characters)
            .set("words", counts.words)
            .set("lines", counts.lines);
    }

  private:
    void check(std::string_view input) const {
        const std::int64_t length = lao_utf8_count(input.data(), input.size());
        if (length < 0) {
            throw lao::InvalidInput("the input is not UTF-8");
        }
        if (length > max_length_) {
            throw lao::InvalidInput("the text has " + std::to_string(length) + " characters; `max_length` allows " +
                                    std::to_string(max_length_));
        }
    }

    std::int64_t max_length_; // characters
    std::string prefix_;
};

} // namespace

// Name and version come from plugin.toml; what is declared here, `lao plugin build` writes into it.
LAO_PLUGIN(lao::Plugin<Basic>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
               .settings({lao::int_param("max_length", 1000000, "Characters that an input may have", 1),
                          lao::text_param("prefix", "", "Put before every processed text")})
               .capability("process", "Changes a text: upper, lower, title, reverse or slug", &Basic::process,
                           {lao::text_param("mode", "upper", "How to change it",
                                            {"upper", "lower", "title", "reverse", "slug"}),
                            lao::bool_param("trim", false, "Leave out the white space around it")})
               .idempotent()
               .capability("analyze", "Counts the bytes, characters, words and lines of a text", &Basic::analyze)
               .output_fields({lao::int_field("bytes"), lao::int_field("characters"), lao::int_field("words"),
                               lao::int_field("lines")})
               .idempotent())
