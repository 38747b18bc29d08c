#include "json.hpp"

#include <lao/c/json.h>

#include <algorithm>
#include <unordered_set>

#include "number.hpp"

namespace data {
namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Finds the end of one value without reading it, in whatever pieces it comes.
class Span {
  public:
    // As Document::gather wants it.
    bool operator()(std::string_view bytes, std::size_t &count) {
        for (std::size_t at = 0; at < bytes.size(); at++) {
            const char c = bytes[at];
            if (in_text_) {
                if (is_escaped_) {
                    is_escaped_ = false;
                } else if (c == '\\') {
                    is_escaped_ = true;
                } else if (c == '"') {
                    in_text_ = false;
                    if (depth_ == 0) {
                        return ends(count, at + 1);
                    }
                }
                continue;
            }
            if (depth_ == 0 && (is_plain_ || c == ',' || c == ':' || c == '}' || c == ']')) {
                if (is_space(c) || (c != '\0' && std::string_view(",:\"{}[]").find(c) != std::string_view::npos)) {
                    return ends(count, at);
                }
                continue;
            }
            if (c == '"') {
                in_text_ = true;
            } else if (c == '{' || c == '[') {
                if (++depth_ > MOST_LEVELS) {
                    throw Refused{at, "JSON is nested more than 64 levels deep"};
                }
            } else if (c == '}' || c == ']') {
                if (--depth_ == 0) {
                    return ends(count, at + 1);
                }
            } else if (depth_ == 0) {
                is_plain_ = true;
            }
        }
        return false;
    }

  private:
    static bool ends(std::size_t &count, std::size_t at) noexcept {
        count = at;
        return true;
    }

    int depth_ = 0;
    bool in_text_ = false;
    bool is_escaped_ = false;
    bool is_plain_ = false; // a number, or one of the three words
};

// Names of one object, none of them twice.
class Known {
  public:
    bool add(std::string_view name) {
        if (few_.size() < 16) {
            if (std::find(few_.begin(), few_.end(), name) != few_.end()) {
                return false;
            }
            few_.emplace_back(name);
            return true;
        }
        if (many_.empty()) {
            many_.insert(few_.begin(), few_.end());
        }
        return many_.emplace(name).second;
    }

  private:
    std::vector<std::string> few_;
    std::unordered_set<std::string> many_;
};

// Reads one value, strictly. Nesting was bounded before.
class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    void record(Record &record, Names &names) {
        check_utf8();
        if (peek() != '{') {
            record.fields.emplace_back(names.at(0, "value"), value());
        } else {
            fields(record, names);
        }
        end();
    }

    Value document() {
        check_utf8();
        space();
        Value found = value();
        end();
        return found;
    }

  private:
    [[noreturn]] void wrong(const char *why) const { throw Refused{at_, why}; }

    void check_utf8() const {
        const char *at = text_.data(), *const end = at + text_.size();
        while (at < end) {
            if (lao_utf8_next(&at, end) < 0) {
                throw Refused{static_cast<std::size_t>(at - text_.data()), "this is not UTF-8"};
            }
        }
    }
    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    void space() noexcept {
        while (at_ < text_.size() && is_space(text_[at_])) {
            at_++;
        }
    }
    bool take(char c) noexcept {
        space();
        const bool found = at_ < text_.size() && text_[at_] == c;
        at_ += found ? 1 : 0;
        return found;
    }
    void end() {
        space();
        if (at_ < text_.size()) {
            wrong("something stands behind the value");
        }
    }

    // Calls `member` behind the colon of each member, with its name as it is meant and as it is written.
    template <class Member> void object(Member member) {
        Known known;
        std::string name;
        at_++;
        if (take('}')) {
            return;
        }
        do {
            space();
            if (peek() != '"') {
                wrong("a name in quotation marks is expected");
            }
            const std::size_t start = at_;
            name.clear();
            string(&name);
            const std::string_view written = text_.substr(start, at_ - start);
            if (!known.add(name)) {
                throw Refused{start, "the field `" + name + "` comes twice"};
            }
            if (!take(':')) {
                wrong("`:` is expected");
            }
            space();
            member(name, written);
        } while (take(','));
        if (!take('}')) {
            wrong(at_ < text_.size() ? "`,` or `}` is expected" : "the document ends within an object");
        }
    }

    void fields(Record &record, Names &names) {
        object([&](const std::string &name, std::string_view) {
            if (record.fields.size() == MOST_FIELDS) {
                wrong("a record has more than 10000 fields");
            }
            record.fields.emplace_back(names.at(record.fields.size(), name), value());
        });
    }

    Value value() {
        const std::size_t from = at_;
        switch (peek()) {
        case '"': {
            std::string text;
            string(&text);
            return Value::of_text(std::move(text));
        }
        case 'n':
            word("null");
            return {};
        case 't':
            word("true");
            return Value::of(true);
        case 'f':
            word("false");
            return Value::of(false);
        case '{':
        case '[': {
            std::string compact;
            nested(compact);
            return Value::of_json(std::move(compact));
        }
        default:
            break;
        }
        number();
        const auto found = Value::parse_number(text_.substr(from, at_ - from));
        if (!found) {
            throw Refused{from, "the number is beyond what a double can hold"};
        }
        return *found;
    }

    // Any value as it is written, but for the white space between.
    void nested(std::string &to) {
        const std::size_t from = at_;
        switch (peek()) {
        case '{': {
            char before = '{';
            object([&](const std::string &, std::string_view written) {
                to += before;
                before = ',';
                to += written;
                to += ':';
                nested(to);
            });
            to += before == '{' ? "{}" : "}";
            return;
        }
        case '[':
            at_++;
            to += '[';
            if (!take(']')) {
                do {
                    space();
                    nested(to);
                    to += ',';
                } while (take(','));
                to.back() = ']';
                if (!take(']')) {
                    wrong(at_ < text_.size() ? "`,` or `]` is expected" : "the document ends within a list");
                }
                return;
            }
            to += ']';
            return;
        case '"':
            string(nullptr);
            break;
        case 'n':
            word("null");
            break;
        case 't':
            word("true");
            break;
        case 'f':
            word("false");
            break;
        default:
            number();
        }
        to.append(text_, from, at_ - from);
    }

    void word(std::string_view wanted) {
        if (text_.substr(at_, wanted.size()) != wanted) {
            wrong("expected value");
        }
        at_ += wanted.size();
    }

    void number() {
        const std::size_t size = json_number_size(text_.substr(at_));
        if (size == 0) {
            wrong(at_ < text_.size() ? "expected value" : "the document ends before its value");
        }
        at_ += size;
    }

    // Behind the closing quotation mark; into `to` goes what it says.
    void string(std::string *to) {
        const std::size_t open = at_++;
        for (;;) {
            const std::size_t from = at_;
            while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
                   static_cast<unsigned char>(text_[at_]) >= 0x20) {
                at_++;
            }
            if (to != nullptr) {
                to->append(text_, from, at_ - from);
            }
            if (at_ == text_.size()) {
                throw Refused{open, "the text that opens here is never closed"};
            }
            const char c = text_[at_];
            if (c != '"' && c != '\\') {
                wrong("control character in a text: it must be escaped");
            }
            at_++;
            if (c == '"') {
                return;
            }
            escape(to);
        }
    }

    void escape(std::string *to) {
        const char *at = text_.data() + at_, *const end = text_.data() + text_.size();
        char decoded[4];
        std::uint32_t unit = 0;
        const bool is_unit = at < end && *at == 'u' && lao__json_hex4(at + 1, end, &unit) != 0;
        const int size = at < end ? lao__json_escape(&at, end, decoded) : -1;
        if (size < 0) {
            throw Refused{at_ - 1, "there is no such escape"};
        }
        // A pair of halves has eleven characters behind the first backslash.
        const auto taken = static_cast<std::size_t>(at - (text_.data() + at_));
        if (is_unit && unit >= 0xD800 && unit <= 0xDFFF && taken < 11) {
            at_ += taken;
            wrong("half of a surrogate pair stands alone");
        }
        at_ += taken;
        if (to != nullptr) {
            to->append(decoded, static_cast<std::size_t>(size));
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

std::optional<Record> JsonReader::next(Document &document) {
    for (;;) {
        const auto next = document.skip(is_space);
        switch (state_) {
        case State::start:
            if (is_one_ && next == '[') {
                document.pass(1);
                state_ = State::first;
                continue;
            }
            return begin(document, next);
        case State::first:
        case State::next:
            if (next == ']') {
                document.pass(1);
                state_ = State::end;
                continue;
            }
            if (state_ == State::first) {
                return member(document, next);
            }
            if (next != ',') {
                throw document.place().refuse(next ? "`,` or `]` is missing" : "the document ends within its list");
            }
            document.pass(1);
            return member(document, document.skip(is_space));
        case State::sequence:
            return value(document, next);
        case State::end:
            if (next) {
                throw document.place().refuse("something stands behind the end of the document");
            }
            return std::nullopt;
        }
    }
}

std::optional<Record> JsonReader::begin(Document &document, std::optional<char> next) {
    if (!next && is_one_) {
        throw document.place().refuse("there is no JSON document");
    }
    state_ = State::sequence;
    return value(document, next);
}

std::optional<Record> JsonReader::member(Document &document, std::optional<char> next) {
    if (!next) {
        throw document.place().refuse("the document ends within its list");
    }
    if (next == ']') {
        throw document.place().refuse("a member is missing behind `,`");
    }
    state_ = State::next;
    return record(document);
}

std::optional<Record> JsonReader::value(Document &document, std::optional<char> next) {
    if (!next) {
        return std::nullopt;
    }
    if (is_one_) {
        state_ = State::end;
    }
    return record(document);
}

Record JsonReader::record(Document &document) {
    Record record{{}, document.place()};
    const bool is_whole = document.gather(held_, Span());
    if (!is_whole && held_.size() > document.most()) {
        throw record.place.refuse(document.too_long());
    }
    if (held_.empty()) {
        throw record.place.refuse("a value is missing");
    }
    try {
        Parser(held_).record(record, names_);
    } catch (const Refused &refused) {
        throw record.place.after(std::string_view(held_).substr(0, refused.at)).refuse(refused.why);
    }
    return record;
}

void JsonWriter::write(const Record &record, std::string &out) {
    if (!in_lines_) {
        out += is_first_ ? "[\n" : ",\n";
    }
    is_first_ = false;
    char before = '{';
    for (const auto &[name, value] : record.fields) {
        out += before;
        before = ',';
        write_quoted(*name, out);
        out += ':';
        value.write_json(out);
    }
    out += before == '{' ? "{}" : "}";
    out += in_lines_ ? "\n" : "";
}

void JsonWriter::end(std::string &out) {
    if (!in_lines_) {
        out += is_first_ ? "[]\n" : "\n]\n";
    }
}

std::optional<Value> parse_json(std::string_view document) {
    try {
        // Nesting is bounded by finding the end first.
        std::size_t count = document.size();
        const std::size_t start = document.find_first_not_of(" \t\r\n");
        Span()(document.substr(std::min(start, document.size())), count);
        return Parser(document).document();
    } catch (const Refused &) {
        return std::nullopt;
    }
}

} // namespace data
