#include "xml_writer.hpp"

#include <lao/c/utf8.h>

#include <lao/cpp/json_read.hpp>

#include "xml_names.hpp"

namespace data {
namespace {

using Json = lao::JsonValue;

// Letters beyond ASCII that names had in the first edition of XML already: all parsers take them.
constexpr std::pair<std::uint32_t, std::uint32_t> LETTERS[] = {
    {0xC0, 0xD6},   {0xD8, 0xF6},   {0xF8, 0x131},    {0x14A, 0x17E},   {0x391, 0x3A1},   {0x3A3, 0x3CE},
    {0x401, 0x40C}, {0x40E, 0x44F}, {0x451, 0x45C},   {0x5D0, 0x5EA},   {0x621, 0x63A},   {0x641, 0x64A},
    {0x905, 0x939}, {0xE01, 0xE2E}, {0x3041, 0x3094}, {0x30A1, 0x30FA}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3},
};

bool is_letter(std::uint32_t c) noexcept {
    if (c < 0x80) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    }
    for (const auto &[first, last] : LETTERS) {
        if (c >= first && c <= last) {
            return true;
        }
    }
    return false;
}

bool is_of_a_name(std::uint32_t c) noexcept { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

// Throws Refused, whose place does not matter.
void escape(std::string_view text, std::string &out) {
    const char *at = text.data(), *const end = at + text.size();
    while (at < end) {
        const char *const from = at;
        const std::int32_t character = lao_utf8_next(&at, end);
        switch (character) {
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '&':
            out += "&amp;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\r':
            out += "&#13;";
            break;
        default:
            if (!is_xml_character(static_cast<std::uint32_t>(character))) {
                char number[16];
                std::snprintf(number, sizeof number, "U+%04X", static_cast<unsigned>(character));
                throw Refused{0, "the character " + std::string(number) + " cannot stand in XML"};
            }
            out.append(from, at);
        }
    }
}

void attribute(std::string_view name, std::string_view value, std::string &out) {
    out += ' ';
    out += name;
    out += "=\"";
    const std::size_t from = out.size();
    escape(value, out);
    // A reader makes blanks of these, unless they are written as numbers.
    for (std::size_t at = from; at < out.size(); at++) {
        if (out[at] == '\n' || out[at] == '\t') {
            out.replace(at, 1, out[at] == '\n' ? "&#10;" : "&#9;");
        }
    }
    out += '"';
}

// Of what is neither a list nor an object.
std::string plain(const Json &value) {
    if (value.is_boolean()) {
        return value.boolean() ? "true" : "false";
    }
    return value.text();
}

bool is_plain(const Json &value) noexcept { return !value.is_list() && !value.is_object(); }

bool is_attribute(std::string_view name, bool is_plain) noexcept {
    return is_plain && !name.empty() && name.front() == '@' && is_written_name(name.substr(1));
}

// Calls `content` between the tags; in a tag of its own name, or of `field`.
template <class Content> void element(std::string_view name, std::string &out, Content content) {
    const std::string_view tag = is_written_name(name) ? name : "field";
    out += '<';
    out += tag;
    if (tag != name) {
        attribute("name", name, out);
    }
    content();
    out += "</";
    out += tag;
    out += '>';
}

// Null is left out, and a list is its members one after the other.
void write_json(std::string_view name, const Json &value, std::string &out) {
    if (value.is_null()) {
        return;
    }
    if (value.is_list()) {
        for (const auto &item : value.items()) {
            if (item.is_list()) {
                element(name, out, [&] {
                    out += '>';
                    write_json("item", item, out);
                });
            } else {
                write_json(name, item, out);
            }
        }
        return;
    }
    element(name, out, [&] {
        if (!value.is_object()) {
            out += '>';
            escape(plain(value), out);
            return;
        }
        for (const auto &[member, inner] : value.members()) {
            if (is_attribute(member, is_plain(inner)) && !inner.is_null()) {
                attribute(std::string_view(member).substr(1), plain(inner), out);
            }
        }
        out += '>';
        for (const auto &[member, inner] : value.members()) {
            if (member == "#text" && is_plain(inner)) {
                escape(plain(inner), out);
            } else if (!is_attribute(member, is_plain(inner))) {
                write_json(member, inner, out);
            }
        }
    });
}

void write_field(std::string_view name, const Value &value, std::string &out) {
    if (value.type() == Value::Type::json) {
        write_json(name, Json::parse(value.text()), out);
    } else if (name == "#text") {
        escape(value.plain(), out);
    } else if (!value.is_null()) {
        element(name, out, [&] {
            out += '>';
            escape(value.plain(), out);
        });
    }
}

} // namespace

bool is_xml_character(std::uint32_t c) noexcept {
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

bool is_written_name(std::string_view name) noexcept {
    const char *at = name.data(), *const end = at + name.size();
    const std::int32_t first = lao_utf8_next(&at, end);
    if (first < 0 || !is_letter(static_cast<std::uint32_t>(first))) {
        return false;
    }
    while (at < end) {
        const std::int32_t character = lao_utf8_next(&at, end);
        if (character < 0 || !is_of_a_name(static_cast<std::uint32_t>(character))) {
            return false;
        }
    }
    return true;
}

XmlWriter::XmlWriter(std::string root, std::string record) : root_(std::move(root)), record_(std::move(record)) {
    for (const auto &name : {root_, record_}) {
        if (!is_written_name(name)) {
            throw lao::InvalidParameter("`" + name + "` is no name of an element");
        }
    }
}

void XmlWriter::begin(std::string &out) {
    if (!is_open_) {
        out += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" + root_ + ">\n";
        is_open_ = true;
    }
}

void XmlWriter::write(const Record &record, std::string &out) {
    begin(out);
    out += "  ";
    const auto is_plain = [](const Value &value) { return value.type() != Value::Type::json; };
    try {
        element(record_, out, [&] {
            for (const auto &[name, value] : record.fields) {
                if (is_attribute(*name, is_plain(value)) && !value.is_null()) {
                    attribute(std::string_view(*name).substr(1), value.plain(), out);
                }
            }
            out += '>';
            for (const auto &[name, value] : record.fields) {
                if (!is_attribute(*name, is_plain(value))) {
                    write_field(*name, value, out);
                }
            }
        });
    } catch (const Refused &refused) {
        throw record.refuse(refused.why);
    }
    out += '\n';
}

void XmlWriter::end(std::string &out) {
    begin(out);
    out += "</" + root_ + ">\n";
}

} // namespace data
