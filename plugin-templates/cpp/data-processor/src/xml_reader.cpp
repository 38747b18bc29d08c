#include "xml_reader.hpp"

#include <expat.h>
#include <lao/c/utf8.h>

#include <cstring>
#include <deque>
#include <unordered_map>

#include "xml_names.hpp"

namespace data {
namespace {

constexpr std::size_t MOST_ATTRIBUTES = 1000;
constexpr std::size_t PIECE = 64 << 10; // that is parsed at once: bounds the records that wait

// A member of a record: a text, a list, or an object with members of its own.
struct Node {
    enum class Type { text, list, object };

    Type type = Type::text;
    std::string text; // of an object its own
    std::vector<Node> items;
    std::vector<std::pair<std::string, Node>> members;
    std::unordered_map<std::string, std::size_t> places; // of members, once there are many

    Node *find(const std::string &name) {
        if (members.size() < 16) {
            for (auto &[known, node] : members) {
                if (known == name) {
                    return &node;
                }
            }
            return nullptr;
        }
        for (std::size_t i = places.size(); i < members.size(); i++) {
            places.emplace(members[i].first, i);
        }
        const auto place = places.find(name);
        return place == places.end() ? nullptr : &members[place->second].second;
    }

    // What comes several times is a list.
    void add(const std::string &name, Node node) {
        Node *const known = find(name);
        if (known == nullptr) {
            members.emplace_back(name, std::move(node));
        } else if (known->type == Type::list) {
            known->items.push_back(std::move(node));
        } else {
            Node list;
            list.type = Type::list;
            list.items.push_back(std::move(*known));
            list.items.push_back(std::move(node));
            *known = std::move(list);
        }
    }

    // An element has ended.
    void close() {
        if (members.empty()) {
            return;
        }
        type = Type::object;
        if (!is_blank(text)) {
            members.emplace_back("#text", Node());
            members.back().second.text = std::move(text);
        }
        text.clear();
    }

    void write(std::string &to) const {
        if (type == Type::text) {
            write_quoted(text, to);
            return;
        }
        if (type == Type::list) {
            for (std::size_t i = 0; i < items.size(); i++) {
                to += i == 0 ? '[' : ',';
                items[i].write(to);
            }
            to += ']';
            return;
        }
        for (std::size_t i = 0; i < members.size(); i++) {
            to += i == 0 ? '{' : ',';
            write_quoted(members[i].first, to);
            to += ':';
            members[i].second.write(to);
        }
        to += '}';
    }
};

struct Open {
    std::string name;
    Node node;
};

bool is_utf8_name(std::string_view name) {
    std::string lower(name);
    for (char &c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return lower == "utf-8" || lower == "us-ascii";
}

} // namespace

// Expat calls what it finds; a failure is kept until the records before it were taken.
class XmlReader::Parser {
  public:
    Parser(Document &document, std::string wanted)
        : document_(document), wanted_(std::move(wanted)), expat_(XML_ParserCreate("UTF-8"), XML_ParserFree) {
        if (expat_ == nullptr) {
            throw std::bad_alloc();
        }
        XML_SetUserData(expat_.get(), this);
        XML_SetElementHandler(
            expat_.get(),
            [](void *self, const char *name, const char **attributes) { of(self).start(name, attributes); },
            [](void *self, const char *) { of(self).end(); });
        XML_SetCharacterDataHandler(expat_.get(),
                                    [](void *self, const char *text, int size) { of(self).text(text, size); });
        XML_SetCommentHandler(expat_.get(), [](void *self, const char *) { of(self).seen(); });
        XML_SetProcessingInstructionHandler(expat_.get(),
                                            [](void *self, const char *, const char *) { of(self).seen(); });
        XML_SetXmlDeclHandler(expat_.get(), [](void *self, const char *version, const char *encoding, int) {
            if (version != nullptr && std::strcmp(version, "1.0") != 0 && std::strcmp(version, "1.1") != 0) {
                of(self).fail("there is no version `" + std::string(version) + "` of XML");
            } else if (encoding != nullptr && !is_utf8_name(encoding)) {
                of(self).fail("the encoding is `" + std::string(encoding) + "`; UTF-8 is needed");
            }
        });
        XML_SetStartDoctypeDeclHandler(expat_.get(), [](void *self, const char *, const char *, const char *, int) {
            of(self).fail("a document type is not taken, nor its entities");
        });
    }

    std::optional<Record> next() {
        while (ready_.empty() && !failure_ && !is_over_) {
            feed();
        }
        if (!ready_.empty()) {
            Record record = std::move(ready_.front());
            ready_.pop_front();
            return record;
        }
        if (failure_) {
            throw *failure_;
        }
        return std::nullopt;
    }

  private:
    static Parser &of(void *self) noexcept { return *static_cast<Parser *>(self); }

    // An unfinished token is looked at again from its start: it waits until there is as much again of it.
    void feed() {
        for (;;) {
            const std::string_view bytes = document_.fill().substr(0, PIECE);
            held_.append(bytes.data(), bytes.size());
            document_.pass(bytes.size());
            if (bytes.empty()) {
                return parse(true);
            }
            if (fed_ + held_.size() - seen_ > document_.most() + PIECE) {
                return fail(document_.too_long());
            }
            if (held_.size() >= (fed_ - seen_) / 2) {
                return parse(false);
            }
        }
    }

    void parse(bool is_last) {
        fed_ += held_.size();
        const XML_Status status =
            XML_Parse(expat_.get(), held_.data(), static_cast<int>(held_.size()), is_last ? XML_TRUE : XML_FALSE);
        held_.clear();
        is_over_ = is_last;
        if (status == XML_STATUS_ERROR && !failure_) {
            fail(reason());
        }
        if (thrown_ != nullptr) {
            std::rethrow_exception(thrown_);
        }
    }

    // What Expat says is wrong, in words that help.
    std::string reason() const {
        const XML_Error error = XML_GetErrorCode(expat_.get());
        int offset = 0, size = 0;
        const char *const context = XML_GetInputContext(expat_.get(), &offset, &size);
        const std::string_view rest =
            context != nullptr ? std::string_view(context, static_cast<std::size_t>(size)).substr(offset) : "";
        switch (error) {
        case XML_ERROR_NO_ELEMENTS:
        case XML_ERROR_UNCLOSED_TOKEN:
        case XML_ERROR_UNCLOSED_CDATA_SECTION:
            if (!open_.empty() && is_over_) {
                return "the document ends within `" + open_.back().name + "`";
            }
            return error == XML_ERROR_NO_ELEMENTS ? "there is no XML element" : XML_ErrorString(error);
        case XML_ERROR_UNDEFINED_ENTITY:
            return "there is no entity `" + std::string(rest.substr(1, std::min<std::size_t>(rest.find(';') - 1, 64))) +
                   "`";
        case XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
            return rest.substr(0, 1) == "<" ? "a second root follows the first" : "text stands outside of the root";
        case XML_ERROR_TAG_MISMATCH:
            return "what ends here is not `" + open_.back().name + "`, which is open";
        case XML_ERROR_INVALID_TOKEN: {
            const char *at = rest.data();
            const std::int32_t character = rest.empty() ? -1 : lao_utf8_next(&at, rest.data() + rest.size());
            if (character >= 0 && !is_xml_character(static_cast<std::uint32_t>(character))) {
                return cannot_stand(static_cast<std::uint32_t>(character));
            }
            return rest.empty() || character >= 0 ? XML_ErrorString(error) : "this is not UTF-8";
        }
        default:
            return XML_ErrorString(error);
        }
    }

    static std::string cannot_stand(std::uint32_t character) {
        char number[16];
        std::snprintf(number, sizeof number, "U+%04X", character);
        return "the character " + std::string(number) + " cannot stand in XML";
    }

    Place place() const {
        const auto line = static_cast<std::uint64_t>(XML_GetCurrentLineNumber(expat_.get()));
        const auto column = static_cast<std::uint64_t>(XML_GetCurrentColumnNumber(expat_.get())) + 1;
        return {line, column};
    }

    void fail(const std::string &why) {
        if (!failure_) {
            failure_ = place().refuse(why);
            XML_StopParser(expat_.get(), XML_FALSE);
        }
    }

    // No exception passes through Expat, which is C.
    template <class Function> void guarded(Function function) noexcept {
        try {
            if (!failure_ && thrown_ == nullptr) {
                function();
            }
        } catch (...) {
            thrown_ = std::current_exception();
            XML_StopParser(expat_.get(), XML_FALSE);
        }
    }

    // Something has begun here: what lies before is done with, but for the record that is open.
    void seen() noexcept {
        const XML_Index at = XML_GetCurrentByteIndex(expat_.get());
        seen_ = record_ > 0 ? seen_ : static_cast<std::uint64_t>(std::max<XML_Index>(at, 0));
    }

    bool is_record(std::string_view name) const noexcept {
        return wanted_.empty() ? open_.size() == 1 : name == wanted_;
    }

    void start(const char *name, const char **attributes) {
        guarded([&] {
            seen();
            if (record_ == 0 && is_record(name)) {
                record_ = open_.size() + 1;
                record_place_ = place();
            }
            if (open_.size() == static_cast<std::size_t>(MOST_LEVELS)) {
                return fail("XML is nested more than 64 levels deep");
            }
            open_.push_back({name, {}});
            if (record_ == 0) {
                return;
            }
            for (std::size_t i = 0; attributes[i] != nullptr; i += 2) {
                if (i / 2 == MOST_ATTRIBUTES) {
                    return fail("an element has more than 1000 attributes");
                }
                Node value;
                value.text = attributes[i + 1];
                open_.back().node.add("@" + std::string(attributes[i]), std::move(value));
            }
        });
    }

    void text(const char *text, int size) {
        guarded([&] {
            seen();
            if (record_ > 0) {
                open_.back().node.text.append(text, static_cast<std::size_t>(size));
                check_size();
            }
        });
    }

    void end() {
        guarded([&] {
            Open open = std::move(open_.back());
            open_.pop_back();
            if (record_ > 0) {
                check_size();
                open.node.close();
            }
            if (record_ == open_.size() + 1) {
                finish(std::move(open.node));
                record_ = 0;
            } else if (record_ > 0) {
                open_.back().node.add(open.name, std::move(open.node));
            }
            seen();
        });
    }

    void check_size() {
        const auto at = static_cast<std::uint64_t>(XML_GetCurrentByteIndex(expat_.get()));
        if (at - seen_ > document_.most()) {
            failure_ = record_place_.refuse(document_.too_long());
            XML_StopParser(expat_.get(), XML_FALSE);
        }
    }

    void finish(Node node) {
        if (node.members.empty()) {
            Node text;
            text.text = std::move(node.text);
            node.members.emplace_back("#text", std::move(text));
        }
        if (node.members.size() > MOST_FIELDS) {
            return fail("a record has more than 10000 fields");
        }
        Record record{{}, record_place_};
        record.fields.reserve(node.members.size());
        for (auto &[name, member] : node.members) {
            const Name &known = names_.at(record.fields.size(), name);
            if (member.type == Node::Type::text) {
                record.fields.emplace_back(known, Value::of_text(std::move(member.text)));
            } else {
                std::string json;
                member.write(json);
                record.fields.emplace_back(known, Value::of_json(std::move(json)));
            }
        }
        ready_.push_back(std::move(record));
    }

    Document &document_;
    std::string wanted_;
    std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> expat_;
    std::string held_;          // that Expat has not got
    std::uint64_t fed_ = 0;     // bytes that it got
    std::uint64_t seen_ = 0;    // where what it is in the middle of began: a token, or a record
    std::vector<Open> open_;
    std::size_t record_ = 0;    // how many elements are open with that of the record; 0: none
    Place record_place_;
    Names names_;
    std::deque<Record> ready_;
    std::optional<lao::InvalidInput> failure_;
    std::exception_ptr thrown_;
    bool is_over_ = false;
};

XmlReader::XmlReader(Document &document, std::string wanted)
    : parser_(std::make_unique<Parser>(document, std::move(wanted))) {}

XmlReader::~XmlReader() = default;

std::optional<Record> XmlReader::next() { return parser_->next(); }

} // namespace data
