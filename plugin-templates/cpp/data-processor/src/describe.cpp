#include "describe.hpp"

#include <lao/c/utf8.h>

#include <cstring>

#include "expression.hpp"

namespace data {
namespace {

// The type of a value, also of one that was written as text, and what of it has a range.
std::pair<const char *, std::optional<Value>> seen(const Value &value) {
    if (value.is_number()) {
        return {value.kind(), value};
    }
    if (!value.is_text()) {
        return {value.kind(), std::nullopt};
    }
    const std::string_view text = trimmed(value.text());
    if (text.empty()) {
        return {"empty", std::nullopt};
    }
    if (const auto number = to_number(value)) {
        return {number->kind(), number};
    }
    if (text == "true" || text == "false") {
        return {"boolean", std::nullopt};
    }
    return {"text", value};
}

} // namespace

void Description::add(const Record &record) {
    records_++;
    for (std::size_t i = 0; i < record.fields.size(); i++) {
        column(record, i).add(record.fields[i].second);
    }
}

Description::Column &Description::column(const Record &record, std::size_t index) {
    const Name &name = record.fields[index].first;
    if (index < columns_.size() && is_same(columns_[index].name, name)) {
        return columns_[index];
    }
    const auto known = places_.find(*name);
    if (known != places_.end()) {
        return columns_[known->second];
    }
    if (columns_.size() == MOST_FIELDS) {
        throw record.refuse("there are more than 10000 fields");
    }
    places_.emplace(*name, columns_.size());
    columns_.emplace_back();
    columns_.back().name = name;
    return columns_.back();
}

void Description::Column::add(const Value &value) {
    const auto [kind, ranged] = seen(value);
    present++;
    bool is_known = false;
    for (auto &[known, count] : types) {
        if (std::strcmp(known, kind) == 0) {
            count++;
            is_known = true;
        }
    }
    if (!is_known) {
        types.emplace_back(kind, 1);
    }
    if (!ranged) {
        return;
    }
    if (ranged->is_text()) {
        longest = std::max(longest, lao_utf8_count(ranged->text().data(), ranged->text().size()));
        return;
    }
    if (!least || order_of(*ranged, *least) == Order::less) {
        least = ranged;
    }
    if (!greatest || order_of(*ranged, *greatest) == Order::greater) {
        greatest = ranged;
    }
}

lao::JsonObject Description::Column::result(std::int64_t records) const {
    lao::JsonObject counts;
    for (const auto &[kind, count] : types) {
        counts.set(kind, count);
    }
    lao::JsonObject made;
    made.set("name", *name).set("types", counts).set("missing", records - present);
    if (least) {
        made.set_raw("min", least->plain()).set_raw("max", greatest->plain());
    }
    if (longest > 0) {
        made.set("longest", longest);
    }
    return made;
}

lao::JsonObject Description::result(std::string_view format) const {
    lao::JsonArray fields;
    for (const auto &column : columns_) {
        fields.add(column.result(records_));
    }
    lao::JsonObject made;
    made.set("format", format).set("records", records_).set_raw("fields", fields.text());
    return made;
}

} // namespace data
